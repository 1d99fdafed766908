"""
The generated world, where the configuration has a section `world`.

READS   nothing but the configuration
WRITES  data in the official layouts under the data root: captioned images, caption corpus, concept vocabulary,
        ImageNet1K/test, CIRR and CIRCO with both splits and, beside them, the answers that a real test split would hide
"""

WORLD = "--seed {world[seed]} --image-size {world[image_size]}".format(**config)


rule generate_captions:
    output:
        images="<data>/captions/images.tar",
        corpus="<data>/captions/corpus.txt",
        vocabulary="<data>/openimages/oidv7-class-descriptions.csv",
    log:
        "<logs>/generate_captions.log",
    benchmark:
        "<costs>/generate_captions.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_captions"),
        world=WORLD,
        size=flags({key: config["world"][key] for key in ("n_captioned", "n_sentences")}),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_captions {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_unlabeled:
    output:
        images=directory("<data>/ImageNet1K/test"),
    log:
        "<logs>/generate_unlabeled.log",
    benchmark:
        "<costs>/generate_unlabeled.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_unlabeled"),
        world=WORLD,
        size=flags({"n_unlabeled": config["world"]["n_unlabeled"]}),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_unlabeled {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_cirr:
    output:
        dev=directory("<data>/CIRR/dev"),
        test1=directory("<data>/CIRR/test1"),
        files=[f"<data>/{file}" for split in ("val", "test1") for file in plan.annotation_files("cirr", split).values()],
        answers="<data>/CIRR/mini/answers.test1.json",
        full_captions="<data>/CIRR/mini/full_captions.json",
    log:
        "<logs>/generate_cirr.log",
    benchmark:
        "<costs>/generate_cirr.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_cirr"),
        world=WORLD,
        size=flags({key: config["world"][key] for key in ("n_gallery", "n_queries")}),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_cirr {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_circo:
    output:
        images=directory("<data>/CIRCO/COCO2017_unlabeled/unlabeled2017"),
        files=[f"<data>/{plan.annotation_files('circo', split)['captions']}" for split in ("val", "test")],
        info=f"<data>/{plan.annotation_files('circo', 'unlabeled')['split']}",
        answers="<data>/CIRCO/mini/answers.test.json",
        full_captions="<data>/CIRCO/mini/full_captions.json",
    log:
        "<logs>/generate_circo.log",
    benchmark:
        "<costs>/generate_circo.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_circo"),
        world=WORLD,
        size=flags({key: config["world"][key] for key in ("n_gallery", "n_queries")}),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_circo {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"
