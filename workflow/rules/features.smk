"""
Image features and the concepts nearest to them.

READS   shards, weights, the vocabulary
WRITES  <scale>/features/…/00000.parquet: one job a shard, un-normalised, a row for every image
        <scale>/concept_features/…, <scale>/concepts/…: class embeddings; the nearest concepts of every image
"""


rule extract_features:
    input:
        shard="<scale>/shards/image_set={image_set}/{shard}.tar",
        images="<scale>/images/image_set={image_set}/images.parquet",
        weights=WEIGHTS,
    output:
        features=FEATURES,
    log:
        "<logs>/extract_features/{image_set}/{preprocess}/{backbone}/{shard}.log",
    benchmark:
        "<costs>/extract_features/{image_set}/{preprocess}/{backbone}/{shard}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("extract_features"),
        max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
    shell:
        "python -m cirque extract_features --shard {input.shard} --images {input.images} --weights {input.weights}"
        " --preprocess {wildcards.preprocess} --max-failed {params.max_failed} --threads {resources.torch_threads}"
        " --output {output.features} 2>&1 | tee {log}"


rule encode_concepts:
    input:
        vocabulary=VOCABULARY,
        weights=WEIGHTS,
    output:
        features="<scale>/concept_features/backbone={backbone}/features.parquet",
    log:
        "<logs>/encode_concepts/{backbone}.log",
    benchmark:
        "<costs>/encode_concepts/{backbone}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=8000,
        runtime=120,
    params:
        code=code_version("encode_concepts"),
    shell:
        "python -m cirque encode_concepts --vocabulary {input.vocabulary} --weights {input.weights}"
        " --threads {resources.torch_threads} --output {output.features} 2>&1 | tee {log}"


rule associate_concepts:
    input:
        features=lambda wildcards: shards_of(
            FEATURES,
            wildcards.image_set,
            preprocess=wildcards.preprocess,
            backbone=wildcards.backbone,
        ),
        concepts="<scale>/concept_features/backbone={backbone}/features.parquet",
    output:
        concepts=CONCEPTS,
    log:
        "<logs>/associate_concepts/{image_set}/{preprocess}/{backbone}.log",
    benchmark:
        "<costs>/associate_concepts/{image_set}/{preprocess}/{backbone}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("associate_concepts"),
        settings=flags(config["concepts"]),
        max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
    shell:
        "python -m cirque associate_concepts --features {input.features} --concept-features {input.concepts} {params.settings}"
        " --max-failed {params.max_failed}"
        " --output {output.concepts} 2>&1 | tee {log}"
