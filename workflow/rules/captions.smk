"""
Captions for LinCIR: cleaned, with the part of speech of each word, and their text features.

READS   a corpus as it was published; a spaCy pipeline, trained on generated sentences or installed
WRITES  <scale>/tagger/source=…, <scale>/captions/corpus=…/00000.parquet, <scale>/caption_features/…
"""

TAGGER = expand(FILE.tagger, source=config["tagger"]["source"])[0]


if config["tagger"]["source"] == "trained":

    rule train_tagger:
        output:
            model=directory(TAGGER),
        resources:
            **needs(mem_mb=2000, runtime=30),
        params:
            **call("train_tagger", settings=without(config["tagger"], "source"), seed=0),
        shell:
            STAGE

else:

    rule fetch_tagger:
        output:
            model=directory(TAGGER),
        localrule: True
        resources:
            **needs(mem_mb=2000, runtime=30),
        params:
            **call("fetch_tagger", model=config["tagger"]["model"]),
        shell:
            STAGE


rule tag_captions:
    input:
        corpus=corpus_file,
        proofs=lambda wildcards: proofs([corpus_file(wildcards)]),
        model=TAGGER,
    output:
        captions=FILE.captions,
    threads: torch_cores
    resources:
        **needs(mem_mb=16000, runtime=240),
        torch_threads=torch_threads,
    params:
        **call(
            "tag_captions",
            name=lambda wildcards: wildcards.corpus,
            kind=lambda wildcards: config["corpora"][wildcards.corpus]["kind"],
            column=lambda wildcards: config["corpora"][wildcards.corpus].get("column"),
            n_parts=lambda wildcards: config["corpora"][wildcards.corpus]["n_parts"],
            context_length=77,
        ),
    shell:
        THREADED_STAGE


rule encode_captions:
    input:
        captions=FILE.captions,
        weights=FILE.weights,
    output:
        features=FILE.caption_features,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=120, held=2),
    params:
        **call("encode_captions", precision=precision("texts")),
    shell:
        TORCH_STAGE
