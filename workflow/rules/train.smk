"""
The mapping network φ (SEARLE §3.2).

READS   features and OTI tokens of the unlabeled images, concepts, phrases and their features, weights
WRITES  <scale>/phi/source=…/…/phi.safetensors, phi.json and training.parquet
RESUMES from <scale>/work/phi/…
"""


rule train_phi:
    input:
        unpack(phrase_files),
        features=lambda wildcards: expand(
            "<scale>/features/image_set={image_set}/preprocess={preprocess}/backbone={backbone}/{shard}.parquet",
            image_set=config["oti"]["image_set"],
            preprocess=config["preprocess"],
            backbone=wildcards.backbone,
            shard=plan.shards(config, config["oti"]["image_set"]),
        ),
        tokens=lambda wildcards: expand(
            "<scale>/tokens/image_set={image_set}/preprocess={preprocess}/backbone={backbone}/seed={seed}/{shard}.parquet",
            image_set=config["oti"]["image_set"],
            preprocess=config["preprocess"],
            shard=plan.shards(config, config["oti"]["image_set"]),
            **wildcards,
        ),
        concepts=f"<scale>/concepts/image_set={config['oti']['image_set']}/preprocess={config['preprocess']}"
        "/backbone={backbone}/concepts.parquet",
        weights="<scale>/backbones/backbone={backbone}/weights.safetensors",
    output:
        phi="<scale>/phi/source=trained/backbone={backbone}/seed={seed}/phi.safetensors",
        card="<scale>/phi/source=trained/backbone={backbone}/seed={seed}/phi.json",
        training="<scale>/phi/source=trained/backbone={backbone}/seed={seed}/training.parquet",
    log:
        "<logs>/train_phi/{backbone}/{seed}.log",
    benchmark:
        "<costs>/train_phi/{backbone}/{seed}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: 4
    resources:
        gpu=plan.gpu_here(),
        torch_threads=lambda wildcards, threads: plan.threads_each(
            threads, workflow.cores
        ),
        mem_mb=24000,
        runtime=480,
    params:
        code=code_version("train_phi"),
        settings=flags(config["phi"], "source"),
        work="<scale>/work/phi/{backbone}/{seed}",
    shell:
        "python -m cirque train_phi --features {input.features} --tokens {input.tokens} --concepts {input.concepts}"
        " --phrases {input.phrases} --phrase-features {input.phrase_features} --weights {input.weights}"
        " {params.settings} --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads}"
        " --output {output.phi} --training {output.training} 2>&1 | tee {log}"


rule random_phi:
    input:
        weights="<scale>/backbones/backbone={backbone}/weights.safetensors",
    output:
        phi="<scale>/phi/source=random/backbone={backbone}/seed={seed}/phi.safetensors",
        card="<scale>/phi/source=random/backbone={backbone}/seed={seed}/phi.json",
    log:
        "<logs>/random_phi/{backbone}/{seed}.log",
    benchmark:
        "<costs>/random_phi/{backbone}/{seed}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("random_phi"),
    shell:
        "python -m cirque random_phi --weights {input.weights} --seed {wildcards.seed} --output {output.phi}"
        " 2>&1 | tee {log}"
