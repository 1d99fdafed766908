"""
The mapping network φ (SEARLE §3.2).

READS   features and OTI tokens of the unlabeled images, concepts, phrases and their features, weights
WRITES  <scale>/phi/source=…/…/phi.safetensors, phi.json and training.parquet
RESUMES from <scale>/work/phi/…
"""


rule train_phi:
    input:
        unpack(phrase_files),
        features=lambda wildcards: shards_of(FEATURES, config["oti"]["image_set"], backbone=wildcards.backbone),
        tokens=lambda wildcards: shards_of(TOKENS, config["oti"]["image_set"], **wildcards),
        concepts=expand(
            CONCEPTS,
            image_set=config["oti"]["image_set"],
            preprocess=config["preprocess"],
            allow_missing=True,
        ),
        weights=WEIGHTS,
    output:
        phi=expand(PHI, source="trained", allow_missing=True),
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
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=480,
    params:
        code=code_version("train_phi"),
        settings=flags(config["phi"], "source"),
        work=f"{WORK}/phi/{{backbone}}/{{seed}}",
    shell:
        "python -m cirque train_phi --features {input.features} --tokens {input.tokens} --concepts {input.concepts}"
        " --phrases {input.phrases} --phrase-features {input.phrase_features} --weights {input.weights}"
        " {params.settings} --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads}"
        " --output {output.phi} --training-log {output.training} 2>&1 | tee {log}"


rule random_phi:
    input:
        weights=WEIGHTS,
    output:
        phi=expand(PHI, source="random", allow_missing=True),
        card="<scale>/phi/source=random/backbone={backbone}/seed={seed}/phi.json",
    log:
        "<logs>/random_phi/{backbone}/{seed}.log",
    benchmark:
        "<costs>/random_phi/{backbone}/{seed}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("random_phi"),
        dropout=config["phi"]["dropout"],
    shell:
        "python -m cirque random_phi --weights {input.weights} --dropout {params.dropout} --seed {wildcards.seed} --output {output.phi}"
        " 2>&1 | tee {log}"
