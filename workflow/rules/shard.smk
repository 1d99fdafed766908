"""
Images as WebDataset tars.

READS   annotation files and images in the official layouts
WRITES  coco/coco_eval.csv and val2017_masked under the data root: one object of each image, drawn from the seed
        <scale>/images/…/images.parquet: what an image set holds, in gallery order
        <scale>/shards/…/00000.tar: the images' bytes, unchanged, byte-identical when made again
        <scale>/triplets/…: of a train split, for networks that learn from them; <scale>/queries/…, <scale>/gallery/…
"""


rule prepare_coco:
    input:
        annotations="<data>/coco/annotations/instances_val2017.json",
        # Downloaded images are no rule's output: the stage says what is missing.
        folder=unpacked_lists(["coco/val2017"]) if sources.data_source(config) == "fetch" else "<data>/coco/val2017",
    output:
        output="<data>/coco/coco_eval.csv",
        masked=directory("<data>/coco/val2017_masked"),
    resources:
        **needs(mem_mb=8000, runtime=120),
    params:
        **call("prepare_coco", images=f"{config['data_root']}/coco/val2017", seed=config["run"]["seeds"][0]),
    shell:
        STAGE


rule list_images:
    input:
        files=image_set_files,
        proofs=lambda wildcards: proofs(image_set_files(wildcards)),
    output:
        images=FILE.images,
    resources:
        **needs(mem_mb=12000, runtime=60),
    params:
        **call(
            "list_images",
            modules=lambda wildcards: [DATASETS.module(sources.dataset(config, wildcards.image_set))],
            dataset=lambda wildcards: sources.dataset(config, wildcards.image_set),
            split=lambda wildcards: config["image_sets"][wildcards.image_set]["split"],
            n_images=lambda wildcards: config["image_sets"][wildcards.image_set]["n_images"],
            shard_size=lambda wildcards: config["image_sets"][wildcards.image_set]["shard_size"],
            data_root=config["data_root"],
        ),
    shell:
        STAGE


rule shard_images:
    input:
        images=FILE.images,
        files=image_set_files,
    output:
        shard_file=FILE.shards,
    resources:
        **needs(mem_mb=12000, runtime=120),
    params:
        **call(
            "shard_images",
            modules=lambda wildcards: map(
                DATASETS.module,
                sources.deriving_module(config, wildcards.image_set).values(),
            ),
            dataset=lambda wildcards: sources.deriving_module(config, wildcards.image_set).get("dataset"),
            data_root=config["data_root"],
        ),
    shell:
        STAGE


rule parse_triplets:
    input:
        annotations=triplet_files,
        proofs=lambda wildcards: proofs(triplet_files(wildcards)),
    output:
        triplets=FILE.triplets,
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        **call(
            "parse_triplets",
            modules=lambda wildcards: [DATASETS.module(sources.dataset(config, wildcards.image_set))],
            dataset=lambda wildcards: sources.dataset(config, wildcards.image_set),
            split=lambda wildcards: config["image_sets"][wildcards.image_set]["split"],
            data_root=config["data_root"],
        ),
    shell:
        STAGE


rule parse_queries:
    input:
        unpack(lambda wildcards: sources.query_files(config, wildcards.benchmark, "<data>")),
        images=lambda wildcards: expand(FILE.images, image_set=config["benchmarks"][wildcards.benchmark]["image_set"]),
        proofs=lambda wildcards: proofs(sources.query_files(config, wildcards.benchmark, "<data>").values()),
    output:
        queries=FILE.queries,
        gallery=FILE.gallery,
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        **call(
            "parse_queries",
            modules=lambda wildcards: [DATASETS.module(config["benchmarks"][wildcards.benchmark]["dataset"])],
            dataset=lambda wildcards: config["benchmarks"][wildcards.benchmark]["dataset"],
            split=lambda wildcards: config["benchmarks"][wildcards.benchmark]["split"],
            protocol=lambda wildcards: config["benchmarks"][wildcards.benchmark].get("protocol"),
            prompt=lambda wildcards: config["benchmarks"][wildcards.benchmark].get("prompt"),
            data_root=config["data_root"],
        ),
    shell:
        STAGE
