"""
Images as WebDataset tars.

READS   annotation files and images in the official layouts
WRITES  coco/coco_eval.csv and val2017_masked under the data root: one object of each image, drawn from the seed
        <scale>/images/…/images.parquet: what an image set holds, in gallery order
        <scale>/shards/…/00000.tar: the images' bytes, unchanged, byte-identical when made again
"""


rule prepare_coco:
    input:
        annotations="<data>/coco/annotations/instances_val2017.json",
        # Downloaded images are no rule's output: the stage says what is missing.
        images=[] if plan.data_source(config) == "fetch" else "<data>/coco/val2017",
    output:
        list="<data>/coco/coco_eval.csv",
        masked=directory("<data>/coco/val2017_masked"),
    log:
        "<logs>/prepare_coco.log",
    benchmark:
        "<costs>/prepare_coco.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("prepare_coco"),
        images=lambda wildcards: f"{config['data_root']}/coco/val2017",
        seed=config["run"]["seeds"][0],
    shell:
        "python -m cirque prepare_coco --annotations {input.annotations} --images {params.images} --seed {params.seed}"
        " --masked {output.masked} --output {output.list} 2>&1 | tee {log}"


rule list_images:
    input:
        files=image_set_files,
    output:
        images="<scale>/images/image_set={image_set}/images.parquet",
    log:
        "<logs>/list_images/{image_set}.log",
    benchmark:
        "<costs>/list_images/{image_set}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=lambda wildcards: code_version(
            "list_images",
            f"cirque.datasets.{config['image_sets'][wildcards.image_set]['dataset']}",
        ),
        images=lambda wildcards: flags(config["image_sets"][wildcards.image_set], "max_failed"),
        data_root=config["data_root"],
    shell:
        "python -m cirque list_images --image-set {wildcards.image_set} {params.images} --data-root {params.data_root}"
        " --output {output.images} 2>&1 | tee {log}"


rule shard_images:
    input:
        images="<scale>/images/image_set={image_set}/images.parquet",
        files=image_set_files,
    output:
        shard="<scale>/shards/image_set={image_set}/{shard}.tar",
    log:
        "<logs>/shard_images/{image_set}/{shard}.log",
    benchmark:
        "<costs>/shard_images/{image_set}/{shard}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=lambda wildcards: code_version(
            "shard_images",
            *[f"cirque.datasets.{name}" for name in plan.deriving_module(config, wildcards.image_set).values()],
        ),
        derive=lambda wildcards: flags(plan.deriving_module(config, wildcards.image_set)),
        data_root=config["data_root"],
    shell:
        "python -m cirque shard_images --images {input.images} --shard {wildcards.shard} --data-root {params.data_root} {params.derive}"
        " --output {output.shard} 2>&1 | tee {log}"


rule parse_queries:
    input:
        unpack(lambda wildcards: plan.query_files(config, wildcards.benchmark, "<data>")),
        images=lambda wildcards: f"<scale>/images/image_set={config['benchmarks'][wildcards.benchmark]['image_set']}/images.parquet",
    output:
        queries="<scale>/queries/benchmark={benchmark}/queries.parquet",
        gallery="<scale>/gallery/benchmark={benchmark}/gallery.parquet",
    log:
        "<logs>/parse_queries/{benchmark}.log",
    benchmark:
        "<costs>/parse_queries/{benchmark}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=lambda wildcards: code_version(
            "parse_queries",
            f"cirque.datasets.{config['benchmarks'][wildcards.benchmark]['dataset']}",
        ),
        source=lambda wildcards: flags(
            {
                key: value
                for key, value in config["benchmarks"][wildcards.benchmark].items()
                if key in ("dataset", "split", "protocol")
            }
        ),
        answers=lambda wildcards, input: flags({key: input.get(key) for key in ("answers", "full_captions")}),
        data_root=config["data_root"],
    shell:
        "python -m cirque parse_queries {params.source} {params.answers} --data-root {params.data_root}"
        " --images {input.images} --queries {output.queries} --gallery {output.gallery} 2>&1 | tee {log}"
