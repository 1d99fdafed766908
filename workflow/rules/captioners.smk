"""
Captions of the reference images, for SEARLE's baseline Captioning.

READS   captioned images (trained) or an open_clip release (pretrained); shards of an image set, its benchmarks' queries
WRITES  <scale>/captioners/…/weights.safetensors and weights.json, <scale>/reference_captions/…/00000.parquet
RESUMES from <scale>/work/captioners/…
"""


rule train_captioner:
    input:
        captions="<data>/captions/images.tar",
        model=captioner_config,
    output:
        weights=CAPTIONER,
        card="<scale>/captioners/captioner={captioner}/weights.json",
    log:
        "<logs>/train_captioner/{captioner}.log",
    benchmark:
        "<costs>/train_captioner/{captioner}.jsonl"
    wildcard_constraints:
        captioner=plan.one_of(plan.captioners_from(config, "trained")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=4000,
        runtime=30,
    params:
        code=code_version("train_captioner"),
        model=lambda wildcards: config["captioners"][wildcards.captioner]["model"],
        training=lambda wildcards: flags(config["captioners"][wildcards.captioner]["weights"], "source"),
        configs=MODEL_CONFIGS,
        seed=lambda wildcards: config["world"]["seed"],
        work=f"{WORK}/captioners/{{captioner}}",
    shell:
        "python -m cirque train_captioner --captions {input.captions} --model {params.model} --model-configs {params.configs}"
        " {params.training} --seed {params.seed} --work {params.work} --threads {resources.torch_threads} --weights {output.weights}"
        " 2>&1 | tee {log}"


rule fetch_captioner:
    output:
        weights=CAPTIONER,
        card="<scale>/captioners/captioner={captioner}/weights.json",
    log:
        "<logs>/fetch_captioner/{captioner}.log",
    benchmark:
        "<costs>/fetch_captioner/{captioner}.jsonl"
    wildcard_constraints:
        captioner=plan.one_of(plan.captioners_from(config, "pretrained")),
    retries: 2
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("fetch_captioner"),
        model=lambda wildcards: config["captioners"][wildcards.captioner]["model"],
        tag=lambda wildcards: config["captioners"][wildcards.captioner]["weights"]["tag"],
    shell:
        "python -m cirque fetch_captioner --model {params.model} --tag {params.tag}"
        " --weights {output.weights} 2>&1 | tee {log}"


rule caption_images:
    input:
        shard="<scale>/shards/image_set={image_set}/{shard}.tar",
        images="<scale>/images/image_set={image_set}/images.parquet",
        queries=queries_over,
        weights=CAPTIONER,
    output:
        captions=REFERENCE_CAPTIONS,
    log:
        "<logs>/caption_images/{captioner}/{image_set}/{shard}.log",
    benchmark:
        "<costs>/caption_images/{captioner}/{image_set}/{shard}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=240,
    params:
        code=code_version("caption_images"),
        preprocess=lambda wildcards: config["captioners"][wildcards.captioner]["preprocess"],
        generation=lambda wildcards: flags(config["captioners"][wildcards.captioner]["generation"]),
        max_failed=lambda wildcards: config["image_sets"][wildcards.image_set]["max_failed"],
    shell:
        "python -m cirque caption_images --shard {input.shard} --images {input.images} --queries {input.queries}"
        " --weights {input.weights} --preprocess {params.preprocess} {params.generation} --max-failed {params.max_failed}"
        " --threads {resources.torch_threads} --output {output.captions} 2>&1 | tee {log}"
