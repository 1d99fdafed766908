"""
Image features and the concepts nearest to them.

READS   shards, weights, the vocabulary
WRITES  <scale>/features/…/00000.parquet: one job a few shards, un-normalised, a row for every image
        <scale>/concept_features/…, <scale>/concepts/…: class embeddings; the nearest concepts of every image
"""


rule extract_features:
    input:
        shards_of_part=shards_of_part,
        images=FILE.images,
        weights=FILE.weights,
    output:
        features=FILE.features,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=16000, runtime=240, held=2, of="weights"),
    params:
        **call(
            "extract_features",
            max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
            precision=precision("features"),
        ),
    shell:
        TORCH_STAGE


rule encode_concepts:
    input:
        vocabulary=VOCABULARY,
        proofs=proofs([VOCABULARY]),
        weights=FILE.weights,
    output:
        features=FILE.concept_features,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=120, held=2),
    params:
        **call("encode_concepts", precision=precision("texts")),
    shell:
        TORCH_STAGE


rule associate_concepts:
    input:
        features=lambda wildcards: features_of(**wildcards),
        concept_features=FILE.concept_features,
    output:
        concepts=FILE.concepts,
    resources:
        **needs(mem_mb=8000, runtime=60, held=2),
    params:
        **call(
            "associate_concepts",
            **config["concepts"],
            max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
        ),
    shell:
        STAGE
