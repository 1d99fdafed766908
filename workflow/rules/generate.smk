"""
The generated world, where the configuration has a section `world`.

READS   nothing but the configuration
WRITES  data in the official layouts under the data root: captioned images, caption corpus, concept vocabulary,
        ImageNet1K/test, CC3M, CC12M, every benchmark and, beside it, what a real one would not tell: the answers of a test
        split, and the full caption of each target
"""

WORLD = "--seed {world[seed]} --image-size {world[image_size]}".format(**config)


include: "generate_corpora.smk"


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
        size=flags({key: config["world"][key] for key in ("n_captioned", "n_styled", "n_composed", "n_sentences")}),
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


rule generate_cc3m:
    output:
        captions="<data>/cc3m/GCC-training.tsv",
        list="<data>/cc3m/cc/Train_GCC-training_output.csv",
        images=directory("<data>/cc3m/cc_data/train"),
    log:
        "<logs>/generate_cc3m.log",
    benchmark:
        "<costs>/generate_cc3m.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_cc3m"),
        world=WORLD,
        size="--n-captions {world[n_cc3m_captions]} --n-images {world[n_cc3m_images]}".format(**config),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_cc3m {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_cc12m:
    output:
        captions="<data>/cc12m/cc12m.tsv",
        list="<data>/cc12m/cc/Train_cc12m_output.csv",
        images=directory("<data>/cc12m/cc_data/train"),
    log:
        "<logs>/generate_cc12m.log",
    benchmark:
        "<costs>/generate_cc12m.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_cc12m"),
        world=WORLD,
        size="--n-images {world[n_cc12m_images]}".format(**config),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_cc12m {params.world} {params.size} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_sdp:
    output:
        prompts="<data>/sdp/all_prompts.txt",
    log:
        "<logs>/generate_sdp.log",
    benchmark:
        "<costs>/generate_sdp.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_sdp"),
        world="--seed {world[seed]} --n-prompts {world[n_prompts]}".format(**config),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_sdp {params.world} --data-root {params.data_root} 2>&1 | tee {log}"


for generated_dataset in plan.generated_datasets(config):

    rule:
        name:
            f"generate_{generated_dataset}"
        output:
            folders=[directory(f"<data>/{folder}") for folder in plan.generated(config, generated_dataset)["folders"]],
            files=[f"<data>/{file}" for file in plan.generated(config, generated_dataset)["files"]],
        log:
            f"<logs>/generate_{generated_dataset}.log",
        benchmark:
            f"<costs>/generate_{generated_dataset}.jsonl"
        conda:
            "../../envs/cirque.yaml"
        params:
            code=code_version(f"generate_{generated_dataset}"),
            dataset=generated_dataset,
            world=WORLD,
            size=flags({key: config["world"][key] for key in ("n_gallery", "n_queries")}),
            data_root=lambda wildcards: config["data_root"],
        shell:
            "python -m cirque generate_{params.dataset} {params.world} {params.size} --data-root {params.data_root}"
            " 2>&1 | tee {log}"
