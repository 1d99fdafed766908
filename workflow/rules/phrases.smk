"""
Phrases of the concepts, and their text features.

READS   the vocabulary; the caption corpus (trained) or a release (pretrained) for the language model
WRITES  <scale>/language_model/source=…, <scale>/phrases/00000.parquet, <scale>/phrase_features/…
"""


rule train_language_model:
    input:
        corpus="<data>/captions/corpus.txt",
    output:
        model=directory("<scale>/language_model/source=trained"),
    log:
        "<logs>/train_language_model.log",
    benchmark:
        "<costs>/train_language_model.jsonl"
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_version("train_language_model"),
        training=flags(config["language_model"], "source", "model"),
    shell:
        "python -m cirque train_language_model --corpus {input.corpus} {params.training} --seed 0"
        " --threads {threads} --output {output.model} 2>&1 | tee {log}"


rule fetch_language_model:
    output:
        model=directory("<scale>/language_model/source=pretrained"),
    log:
        "<logs>/fetch_language_model.log",
    benchmark:
        "<costs>/fetch_language_model.jsonl"
    retries: 2
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_version("fetch_language_model"),
        model=config["language_model"]["model"],
    shell:
        "python -m cirque fetch_language_model --model {params.model} --output {output.model} 2>&1 | tee {log}"


rule sample_phrases:
    input:
        vocabulary=VOCABULARY,
        model=f"<scale>/language_model/source={config['language_model']['source']}",
    output:
        phrases=PHRASES,
    log:
        "<logs>/sample_phrases/{part}.log",
    benchmark:
        "<costs>/sample_phrases/{part}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=240,
    params:
        code=code_version("sample_phrases"),
        settings=flags(config["phrases"]),
    shell:
        "python -m cirque sample_phrases --vocabulary {input.vocabulary} --model {input.model} --part {wildcards.part}"
        " {params.settings} --seed 0 --threads {resources.torch_threads} --output {output.phrases} 2>&1 | tee {log}"


rule encode_phrases:
    input:
        phrases=PHRASES,
        weights=WEIGHTS,
    output:
        features=PHRASE_FEATURES,
    log:
        "<logs>/encode_phrases/{backbone}/{part}.log",
    benchmark:
        "<costs>/encode_phrases/{backbone}/{part}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("encode_phrases"),
    shell:
        "python -m cirque encode_phrases --phrases {input.phrases} --weights {input.weights}"
        " --threads {resources.torch_threads} --output {output.features} 2>&1 | tee {log}"
