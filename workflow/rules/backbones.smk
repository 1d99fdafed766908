"""
Weights of encoders, all in one form, so that one loader serves every backbone.

READS   captioned images (trained), a release, fetched or at hand (pretrained), another backbone and an image set with captions
        (finetuned), or a seed (random); CLIP alone is fine-tuned
WRITES  <scale>/backbones/…/weights.safetensors and weights.json
RESUMES from <scale>/work/backbones/…
"""


rule train_backbone:
    input:
        captions="<data>/captions/images.tar",
        model=model_config("backbones"),
    output:
        weights=FILE.weights,
        card=FILE.weights_card,
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "trained")),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=4000, runtime=30),
    params:
        **call(
            "train_backbone",
            encoder=lambda wildcards: plan.encoder_kind(config, wildcards.backbone),
            precision=precision("backbones"),
            model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
            settings=lambda wildcards: without(config["backbones"][wildcards.backbone]["weights"], "source"),
            model_configs=MODEL_CONFIGS,
            seed=lambda wildcards: wildcards.encoder_seed,
            work=work("backbones", "backbone", "encoder_seed"),
        ),
    shell:
        TORCH_STAGE


rule finetune_backbone:
    input:
        base=lambda wildcards: expand(FILE.weights, **plan.base_encoder(config, dict(wildcards.items()))),
        images=lambda wildcards: expand(FILE.images, **plan.finetuning(config, wildcards.backbone)),
        shards=lambda wildcards: shards_of(plan.finetuning(config, wildcards.backbone)["image_set"]),
        features=lambda wildcards: features_of(
            plan.finetuning(config, wildcards.backbone)["image_set"],
            preprocess=plan.finetuning_preprocess(config, wildcards.backbone),
            **plan.base_encoder(config, dict(wildcards.items())),
        ),
        lists=finetuning_lists,
        proofs=lambda wildcards: proofs(finetuning_lists(wildcards)),
    output:
        weights=FILE.weights,
        card=FILE.weights_card,
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "finetuned")),
    threads: lambda wildcards: machine.threads_of_a_job(CORES, most=4 * max(1, SHARED_GPUS))
    resources:
        **torch_job(mem_mb=48000, runtime=2880) | {"gpu": SHARED_GPUS},
    params:
        **call(
            "finetune_backbone",
            precision=precision("backbones"),
            modules=lambda wildcards: [DATASETS.module(plan.finetuning_source(config, wildcards.backbone)["dataset"])],
            dataset=lambda wildcards: plan.finetuning_source(config, wildcards.backbone)["dataset"],
            split=lambda wildcards: plan.finetuning_source(config, wildcards.backbone)["split"],
            preprocess=lambda wildcards: plan.finetuning_preprocess(config, wildcards.backbone),
            settings=lambda wildcards: without(
                config["backbones"][wildcards.backbone]["weights"],
                *("source", "backbone", "image_set", "preprocess"),
            ),
            data_root=config["data_root"],
            seed=lambda wildcards: wildcards.encoder_seed,
            work=work("backbones", "backbone", "encoder_seed"),
        ),
        start=lambda wildcards, resources: machine.launcher(
            resources.gpu, config["backbones"][wildcards.backbone]["weights"]["batch"]
        ),
    shell:
        SHARED_STAGE


rule fetch_backbone:
    input:
        file=lambda wildcards: config["backbones"][wildcards.backbone]["weights"].get("file", []),
    output:
        weights=FILE.weights,
        card=FILE.weights_card,
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "pretrained")),
    retries: 2
    localrule: True
    resources:
        **needs(mem_mb=24000, runtime=120),
    params:
        **call(
            "fetch_backbone",
            encoder=lambda wildcards: plan.encoder_kind(config, wildcards.backbone),
            model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
            tag=lambda wildcards: config["backbones"][wildcards.backbone]["weights"]["tag"],
            sha256=lambda wildcards: config["backbones"][wildcards.backbone]["weights"].get("sha256"),
        ),
    shell:
        STAGE


rule random_backbone:
    input:
        description=model_config("backbones"),
    output:
        weights=FILE.weights,
        card=FILE.weights_card,
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "random")),
    resources:
        **needs(mem_mb=24000, runtime=60),
    params:
        **call(
            "random_backbone",
            encoder=lambda wildcards: plan.encoder_kind(config, wildcards.backbone),
            model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
            seed=lambda wildcards: wildcards.encoder_seed,
            model_configs=MODEL_CONFIGS,
        ),
    shell:
        STAGE
