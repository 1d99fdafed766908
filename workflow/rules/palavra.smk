"""
PALAVRA: its networks, and the tokens that they and a short optimisation give (SEARLE Tables 1 to 3).

READS   features of captioned images, their list, the corpus of their captions with features; the vocabulary; weights;
        for tokens features of one shard, concepts, a benchmark's queries
WRITES  <scale>/phi/network=…/…/phi.safetensors, phi.json and training.parquet; <scale>/tokens/…/00000.parquet
RESUMES from <scale>/work/phi/…; tokens take seconds
"""


rule train_palavra:
    input:
        features=lambda wildcards: shards_of(
            FILE.features,
            config["networks"][wildcards.network]["image_set"],
            **encoder(wildcards),
        ),
        titles=lambda wildcards: f"<data>/{plan.image_list(config, config['networks'][wildcards.network]['image_set'])}",
        captions=lambda wildcards: caption_files(FILE.captions, config["networks"][wildcards.network]["corpus"]),
        caption_features=lambda wildcards: caption_files(
            FILE.caption_features,
            config["networks"][wildcards.network]["corpus"],
            **encoder(wildcards),
        ),
        vocabulary=VOCABULARY,
        weights=weights,
    output:
        phi=FILE.phi,
        card=FILE.phi_card,
        training=FILE.training,
    log:
        "<logs>/train_palavra/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/train_palavra/{network}/{backbone}/{seed}.jsonl"
    wildcard_constraints:
        network=plan.one_of(plan.networks_of(config, "palavra")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=480,
    params:
        code=code_version("train_palavra"),
        settings=lambda wildcards: flags(
            config["networks"][wildcards.network], "trainer", "source", "image_set", "corpus"
        ),
        work=f"{WORK}/phi/{{network}}/{{backbone}}/{{seed}}",
    shell:
        "python -m cirque train_palavra --features {input.features} --titles {input.titles} --captions {input.captions}"
        " --caption-features {input.caption_features} --vocabulary {input.vocabulary} --weights {input.weights}"
        " {params.settings} --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads}"
        " --output {output.phi} --training-log {output.training} 2>&1 | tee {log}"


rule optimise_tokens:
    input:
        features=lambda wildcards: expand(FILE.features, **{**wildcards, **encoder(wildcards)}),
        concepts=lambda wildcards: expand(FILE.concepts, **{**wildcards, **encoder(wildcards)}),
        phi=lambda wildcards: expand(
            FILE.phi,
            network=config["inversions"][wildcards.inversion]["network"],
            backbone=wildcards.backbone,
            seed=wildcards.seed,
        ),
        weights=weights,
        queries=queries_over,
    output:
        tokens=FILE.tokens,
    log:
        "<logs>/optimise_tokens/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.log",
    benchmark:
        "<costs>/optimise_tokens/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.jsonl"
    wildcard_constraints:
        inversion=plan.one_of(plan.inversions_of(config, "palavra")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=60,
    params:
        code=code_version("optimise_tokens"),
        settings=lambda wildcards: flags(config["inversions"][wildcards.inversion], "kind", "network"),
        references=lambda wildcards, input: flags({"queries": input.queries}) if input.get("queries") else "",
    shell:
        "python -m cirque optimise_tokens --features {input.features} --concepts {input.concepts} --phi {input.phi}"
        " --weights {input.weights} {params.references} {params.settings} --threads {resources.torch_threads}"
        " --output {output.tokens} 2>&1 | tee {log}"
