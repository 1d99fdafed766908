"""
Captions for LinCIR: cleaned, with the part of speech of each word, and their text features.

READS   a corpus as it was published; a spaCy pipeline, trained on generated sentences or installed
WRITES  <scale>/tagger/source=…, <scale>/captions/corpus=…/00000.parquet, <scale>/caption_features/…
"""

TAGGER = f"<scale>/tagger/source={config['tagger']['source']}"


rule train_tagger:
    output:
        model=directory("<scale>/tagger/source=trained"),
    log:
        "<logs>/train_tagger.log",
    benchmark:
        "<costs>/train_tagger.jsonl"
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_version("train_tagger"),
        training=flags(config["tagger"], "source"),
    shell:
        "python -m cirque train_tagger {params.training} --seed 0 --output {output.model} 2>&1 | tee {log}"


rule fetch_tagger:
    output:
        model=directory("<scale>/tagger/source=installed"),
    log:
        "<logs>/fetch_tagger.log",
    benchmark:
        "<costs>/fetch_tagger.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("fetch_tagger"),
        model=config["tagger"].get("model"),
    shell:
        "python -m cirque fetch_tagger --model {params.model} --output {output.model} 2>&1 | tee {log}"


rule tag_captions:
    input:
        corpus=lambda wildcards: f"<data>/{config['corpora'][wildcards.corpus]['file']}",
        model=TAGGER,
    output:
        captions=CAPTIONS,
    log:
        "<logs>/tag_captions/{corpus}/{part}.log",
    benchmark:
        "<costs>/tag_captions/{corpus}/{part}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        processes=torch_threads,
        mem_mb=16000,
        runtime=240,
    params:
        code=code_version("tag_captions"),
        corpus=lambda wildcards: flags(config["corpora"][wildcards.corpus], "file"),
    shell:
        "python -m cirque tag_captions --corpus {input.corpus} --name {wildcards.corpus} {params.corpus}"
        " --model {input.model} --context-length 77 --part {wildcards.part} --processes {resources.processes}"
        " --output {output.captions} 2>&1 | tee {log}"


rule encode_captions:
    input:
        captions=CAPTIONS,
        weights=WEIGHTS,
    output:
        features=CAPTION_FEATURES,
    log:
        "<logs>/encode_captions/{corpus}/{backbone}/{part}.log",
    benchmark:
        "<costs>/encode_captions/{corpus}/{backbone}/{part}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=8000,
        runtime=120,
    params:
        code=code_version("encode_captions"),
    shell:
        "python -m cirque encode_captions --captions {input.captions} --weights {input.weights}"
        " --threads {resources.torch_threads} --output {output.features} 2>&1 | tee {log}"
