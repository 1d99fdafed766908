"""
What tables state without any ranking: sizes of benchmarks, layers of φ, the modality gap, the towers of a backbone.

READS   queries and galleries; weights; features of images and captions
WRITES  <scale>/facts/sizes.parquet, <scale>/facts/backbone=…/{network,gap,towers}.parquet
"""


rule count_queries:
    input:
        queries=expand(FILE.queries, benchmark=plan.counted(config)),
        galleries=expand(FILE.gallery, benchmark=plan.counted(config)),
    output:
        facts="<scale>/facts/sizes.parquet",
    log:
        "<logs>/count_queries.log",
    benchmark:
        "<costs>/count_queries.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("count_queries"),
        benchmarks=flags(
            {
                "benchmarks": plan.counted(config),
                "titles": [plan.title(config["benchmarks"][name]["dataset"]) for name in plan.counted(config)],
                "splits": [config["benchmarks"][name]["split"] for name in plan.counted(config)],
            }
        ),
    shell:
        "python -m cirque count_queries {params.benchmarks} --queries {input.queries} --galleries {input.galleries}"
        " --output {output.facts} 2>&1 | tee {log}"


rule describe_network:
    input:
        weights=weights_of_first_seed,
    output:
        facts="<scale>/facts/backbone={backbone}/network.parquet",
    log:
        "<logs>/describe_network/{backbone}.log",
    benchmark:
        "<costs>/describe_network/{backbone}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("describe_network"),
        network=lambda wildcards: flags(
            {
                key: config["networks"][config["facts"]["network"]["network"]][key]
                for key in ("architecture", "n_layers", "middle_dim", "dropout")
            }
        ),
    shell:
        "python -m cirque describe_network --weights {input.weights} --backbone {wildcards.backbone} {params.network}"
        " --output {output.facts} 2>&1 | tee {log}"


rule measure_modality_gap:
    input:
        features=lambda wildcards: shards_of(
            FILE.features,
            config["facts"]["gap"]["image_set"],
            **encoder(wildcards, config["run"]["seeds"][0]),
        ),
        caption_features=lambda wildcards: caption_files(
            FILE.caption_features,
            config["facts"]["gap"]["corpus"],
            **encoder(wildcards, config["run"]["seeds"][0]),
        ),
    output:
        facts="<scale>/facts/backbone={backbone}/gap.parquet",
    log:
        "<logs>/measure_modality_gap/{backbone}.log",
    benchmark:
        "<costs>/measure_modality_gap/{backbone}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("measure_modality_gap"),
        pairs=lambda wildcards: flags(
            {
                "dataset": plan.title(config["image_sets"][config["facts"]["gap"]["image_set"]]["dataset"]),
                "split": config["image_sets"][config["facts"]["gap"]["image_set"]]["split"],
                "n_pairs": config["facts"]["gap"]["n_pairs"],
            }
        ),
        seed=config["run"]["seeds"][0],
        bootstrap=flags(
            {("bootstrap_seed" if key == "seed" else key): value for key, value in config["bootstrap"].items()}
        ),
    shell:
        "python -m cirque measure_modality_gap --features {input.features} --caption-features {input.caption_features}"
        " {params.pairs} --backbone {wildcards.backbone} --seed {params.seed} {params.bootstrap} --output {output.facts}"
        " 2>&1 | tee {log}"


rule describe_backbone:
    input:
        weights=weights_of_first_seed,
        captions=lambda wildcards: caption_files(FILE.captions, config["facts"]["towers"]["corpus"]),
    output:
        facts="<scale>/facts/backbone={backbone}/towers.parquet",
    log:
        "<logs>/describe_backbone/{backbone}.log",
    benchmark:
        "<costs>/describe_backbone/{backbone}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=60,
    params:
        code=code_version("describe_backbone"),
        seconds=lambda wildcards: config["facts"]["towers"]["seconds"],
    shell:
        "python -m cirque describe_backbone --weights {input.weights} --captions {input.captions}"
        " --backbone {wildcards.backbone} --seconds {params.seconds} --threads {resources.torch_threads}"
        " --output {output.facts} 2>&1 | tee {log}"
