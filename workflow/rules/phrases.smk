"""
Phrases of the concepts, and their text features.

READS   the vocabulary; the caption corpus (trained) or a release (pretrained) for the language model, or the authors' phrases
WRITES  <scale>/language_model/source=…, <scale>/phrases/00000.parquet, <scale>/phrase_features/…
"""

LANGUAGE_MODEL = expand(FILE.language_model, source=config["language_model"]["source"])[0]


if config["language_model"]["source"] == "trained":

    rule train_language_model:
        input:
            corpus="<data>/captions/corpus.txt",
        output:
            folder=directory(LANGUAGE_MODEL),
        resources:
            **torch_job(mem_mb=4000, runtime=30),
        params:
            **call("train_language_model", settings=without(config["language_model"], "source", "model"), seed=0),
        shell:
            TORCH_STAGE

else:

    rule fetch_language_model:
        output:
            folder=directory(LANGUAGE_MODEL),
        retries: 2
        localrule: True
        resources:
            **needs(mem_mb=4000, runtime=240),
        params:
            **call("fetch_language_model", model=config["language_model"]["model"]),
        shell:
            STAGE


if "released" in config["phrases"]:

    rule take_phrases:
        input:
            vocabulary=VOCABULARY,
            proofs=proofs([VOCABULARY]),
            released=config["phrases"]["released"]["file"],
        output:
            phrases=expand(FILE.phrases, part=plan.parts(config)),
        resources:
            **needs(mem_mb=16000, runtime=60),
        params:
            **call(
                "take_phrases",
                sha256=config["phrases"]["released"]["sha256"],
                n_phrases=config["phrases"]["n_phrases"],
            ),
        shell:
            STAGE

else:

    rule sample_phrases:
        input:
            vocabulary=VOCABULARY,
            proofs=proofs([VOCABULARY]),
            model=LANGUAGE_MODEL,
        output:
            phrases=FILE.phrases,
        threads: torch_cores
        resources:
            **torch_job(mem_mb=16000, runtime=240),
        params:
            **call("sample_phrases", settings=config["phrases"], precision=precision("phrases"), seed=0),
        shell:
            TORCH_STAGE


rule encode_phrases:
    input:
        phrases=FILE.phrases,
        weights=FILE.weights,
    output:
        features=FILE.phrase_features,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=60, held=2),
    params:
        **call("encode_phrases", precision=precision("texts")),
    shell:
        TORCH_STAGE
