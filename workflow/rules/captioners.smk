"""
Captions of the reference images, for SEARLE's baseline Captioning.

READS   captioned images (trained) or an open_clip release (pretrained); shards of an image set, its benchmarks' queries
WRITES  <scale>/captioners/…/weights.safetensors and weights.json, <scale>/reference_captions/…/00000.parquet
RESUMES from <scale>/work/captioners/…
"""


rule train_captioner:
    input:
        captions="<data>/captions/images.tar",
        description=model_config("captioners"),
    output:
        weights=FILE.captioner,
        card=FILE.captioner_card,
    wildcard_constraints:
        captioner=plan.one_of(plan.captioners_from(config, "trained")),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=4000, runtime=30),
    params:
        **call(
            "train_captioner",
            precision=precision("captioners"),
            model=lambda wildcards: config["captioners"][wildcards.captioner]["model"],
            settings=lambda wildcards: without(config["captioners"][wildcards.captioner]["weights"], "source"),
            model_configs=MODEL_CONFIGS,
            seed=lambda wildcards: config["world"]["seed"],
            work=work("captioners", "captioner"),
        ),
    shell:
        TORCH_STAGE


rule fetch_captioner:
    output:
        weights=FILE.captioner,
        card=FILE.captioner_card,
    wildcard_constraints:
        captioner=plan.one_of(plan.captioners_from(config, "pretrained")),
    retries: 2
    localrule: True
    resources:
        **needs(mem_mb=8000, runtime=60),
    params:
        **call(
            "fetch_captioner",
            model=lambda wildcards: config["captioners"][wildcards.captioner]["model"],
            tag=lambda wildcards: config["captioners"][wildcards.captioner]["weights"]["tag"],
        ),
    shell:
        STAGE


rule caption_images:
    input:
        shards_of_part=shards_of_part,
        images=FILE.images,
        queries=queries_over,
        weights=FILE.captioner,
    output:
        captions=FILE.reference_captions,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=16000, runtime=240),
    params:
        **call(
            "caption_images",
            precision=precision("captioners"),
            preprocess=lambda wildcards: config["captioners"][wildcards.captioner]["preprocess"],
            generation=lambda wildcards: config["captioners"][wildcards.captioner]["generation"],
            max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
        ),
    shell:
        TORCH_STAGE
