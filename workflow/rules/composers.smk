"""
Composers (TIRG): image encoder, text encoder and composition, trained as a whole, and evaluated.

READS   shards, triplets of a data set under the data root, weights that trunks begin as; queries and galleries
WRITES  <scale>/pixels/….npy: the images of a set, decoded once; <scale>/composers/…: weights, description with the
        vocabulary, losses; <scale>/rankings/… and what else a run leaves behind
RESUMES from <scale>/work/composers/…, <scale>/work/trunks/…
"""


rule decode_images:
    input:
        shards_of_set=lambda wildcards: shards_of(wildcards.image_set),
        images=FILE.images,
        weights=FILE.weights,
    output:
        pixels=FILE.pixels,
    threads: torch_cores
    resources:
        **needs(mem_mb=8000, runtime=120),
        torch_threads=torch_threads,
    params:
        **call("decode_images"),
    shell:
        THREADED_STAGE


rule train_trunk:
    input:
        scenes=SCENES,
        images=lambda wildcards: expand(
            FILE.images, image_set=config["backbones"][wildcards.backbone]["weights"]["image_sets"]
        ),
        shards_of_sets=lambda wildcards: [
            file
            for name in config["backbones"][wildcards.backbone]["weights"]["image_sets"]
            for file in shards_of(name)
        ],
        description=model_config("backbones"),
    output:
        weights=FILE.weights,
        card=FILE.weights_card,
    wildcard_constraints:
        backbone=plan.one_of(plan.backbones_from(config, "labelled")),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=60),
    params:
        **call(
            "train_trunk",
            precision=precision("backbones"),
            model=lambda wildcards: config["backbones"][wildcards.backbone]["model"],
            settings=lambda wildcards: without(
                config["backbones"][wildcards.backbone]["weights"], "source", "seed", "image_sets"
            ),
            model_configs=MODEL_CONFIGS,
            seed=lambda wildcards: wildcards.encoder_seed,
            work=work("trunks", "backbone", "encoder_seed"),
        ),
    shell:
        TORCH_STAGE


rule train_composer:
    input:
        unpack(lambda wildcards: composers.pixels_of_training(config, wildcards.training, encoder(wildcards))),
        weights=weights,
        triplets=lambda wildcards: composers.triplets(config, wildcards.training),
        proofs=lambda wildcards: proofs(composers.triplets(config, wildcards.training)),
    output:
        output=FILE.composer,
        card=FILE.composer_card,
        training_log=FILE.composer_training,
    wildcard_constraints:
        method=plan.one_of([name for name in config["methods"] if plan.is_composed(config, name)]),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=16000, runtime=2880),
    params:
        **call(
            "train_composer",
            precision=precision("composers"),
            modules=lambda wildcards: [
                COMPOSITIONS.module(config["methods"][wildcards.method]["composition"]),
                DATASETS.module(composers.image_set(config, wildcards.training)["dataset"]),
            ],
            composition=lambda wildcards: config["methods"][wildcards.method]["composition"],
            shape=lambda wildcards: composers.shape_and_settings(config, wildcards.training, wildcards.method)[
                "shape"
            ],
            settings=lambda wildcards: composers.shape_and_settings(config, wildcards.training, wildcards.method)[
                "settings"
            ],
            dataset=lambda wildcards: composers.image_set(config, wildcards.training)["dataset"],
            split=lambda wildcards: composers.image_set(config, wildcards.training)["split"],
            data_root=config["data_root"],
            work=work("composers", "training", "method", "backbone", "seed"),
        ),
    shell:
        TORCH_STAGE


for group in composers.groups(config):

    rule:
        name:
            f"evaluate_composers_{group.name}"
        input:
            **composers.pixels(config, config["benchmarks"][group.benchmark], group.preprocess, group.encoder),
            queries=expand(FILE.queries, benchmark=group.benchmark),
            gallery=expand(FILE.gallery, benchmark=group.benchmark),
            images=expand(FILE.images, image_set=config["benchmarks"][group.benchmark]["image_set"]),
            composers=composers.weights(config, group),
            macros=MACROS,
        output:
            files=evaluation.outputs(config, group),
        threads: torch_cores
        resources:
            **torch_job(mem_mb=8000, runtime=120),
        params:
            **call(
                "evaluate_composers",
                precision=plan.precision(config, "composers", group.backbone),
                modules=composers.modules(config, group),
                runs=as_json(composers.described(config, group, paths.scale_folder(config["scale"]))),
                backbone=group.backbone,
                protocol=protocol_of(group.benchmark),
                resampling=RESAMPLING,
                output=paths.scale_folder(config["scale"]),
            ),
        shell:
            TORCH_STAGE
