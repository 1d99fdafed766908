"""
CLIP weights, all in one form, so that one loader serves every backbone.

READS   captioned images (trained), an open_clip release (pretrained), another backbone and an image set with captions
        (finetuned), or a seed (random)
WRITES  <scale>/backbones/…/weights.safetensors and weights.json
RESUMES from <scale>/work/backbones/…
"""


rule train_backbone:
    input:
        captions="<data>/captions/images.tar",
        model=model_config,
    output:
        weights=WEIGHTS,
        card="<scale>/backbones/backbone={backbone}/weights.json",
    log:
        "<logs>/train_backbone/{backbone}.log",
    benchmark:
        "<costs>/train_backbone/{backbone}.jsonl"
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "trained")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=4000,
        runtime=30,
    params:
        code=code_version("train_backbone"),
        model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
        training=lambda wildcards: flags(config["backbones"][wildcards.backbone]["weights"], "source"),
        configs=MODEL_CONFIGS,
        seed=lambda wildcards: config["world"]["seed"],
        work=f"{WORK}/backbones/{{backbone}}",
    shell:
        "python -m cirque train_backbone --captions {input.captions} --model {params.model} --model-configs {params.configs}"
        " {params.training} --seed {params.seed} --work {params.work} --threads {resources.torch_threads} --weights {output.weights}"
        " 2>&1 | tee {log}"


rule finetune_backbone:
    input:
        base=lambda wildcards: expand(WEIGHTS, **plan.finetuning(config, wildcards.backbone)),
        images=lambda wildcards: expand(
            "<scale>/images/image_set={image_set}/images.parquet",
            **plan.finetuning(config, wildcards.backbone),
        ),
        shards=lambda wildcards: shards_of(
            "<scale>/shards/image_set={image_set}/{shard}.tar",
            **plan.finetuning(config, wildcards.backbone),
        ),
        features=lambda wildcards: shards_of(FEATURES, **plan.finetuning(config, wildcards.backbone)),
        captions=lambda wildcards: [f"<data>/{file}" for file in plan.finetuning_lists(config, wildcards.backbone)],
    output:
        weights=WEIGHTS,
        card="<scale>/backbones/backbone={backbone}/weights.json",
    log:
        "<logs>/finetune_backbone/{backbone}.log",
    benchmark:
        "<costs>/finetune_backbone/{backbone}.jsonl"
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "finetuned")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=2880,
    params:
        code=lambda wildcards: code_version(
            "finetune_backbone",
            f"cirque.datasets.{plan.finetuning_source(config, wildcards.backbone)['dataset']}",
        ),
        source=lambda wildcards: flags(plan.finetuning_source(config, wildcards.backbone)),
        preprocess=config["preprocess"],
        training=lambda wildcards: flags(
            config["backbones"][wildcards.backbone]["weights"],
            *("source", "backbone", "image_set"),
        ),
        data_root=config["data_root"],
        seed=config["run"]["seeds"][0],
        work=f"{WORK}/backbones/{{backbone}}",
    shell:
        "python -m cirque finetune_backbone --base {input.base} --images {input.images} --shards {input.shards}"
        " --features {input.features} {params.source} --data-root {params.data_root} --preprocess {params.preprocess}"
        " {params.training} --seed {params.seed} --work {params.work} --threads {resources.torch_threads}"
        " --weights {output.weights} 2>&1 | tee {log}"


rule fetch_backbone:
    output:
        weights=WEIGHTS,
        card="<scale>/backbones/backbone={backbone}/weights.json",
    log:
        "<logs>/fetch_backbone/{backbone}.log",
    benchmark:
        "<costs>/fetch_backbone/{backbone}.jsonl"
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "pretrained")),
    retries: 2
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=24000,
        runtime=120,
    params:
        code=code_version("fetch_backbone"),
        model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
        tag=lambda wildcards: config["backbones"][wildcards.backbone]["weights"]["tag"],
    shell:
        "python -m cirque fetch_backbone --model {params.model} --tag {params.tag}"
        " --weights {output.weights} 2>&1 | tee {log}"


rule random_backbone:
    input:
        model=model_config,
    output:
        weights=WEIGHTS,
        card="<scale>/backbones/backbone={backbone}/weights.json",
    log:
        "<logs>/random_backbone/{backbone}.log",
    benchmark:
        "<costs>/random_backbone/{backbone}.jsonl"
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "random")),
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        code=code_version("random_backbone"),
        model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
        seed=lambda wildcards: config["backbones"][wildcards.backbone]["weights"]["seed"],
        configs=MODEL_CONFIGS,
    shell:
        "python -m cirque random_backbone --model {params.model} --seed {params.seed} --model-configs {params.configs}"
        " --weights {output.weights} 2>&1 | tee {log}"
