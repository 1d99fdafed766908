"""
What methods, trainings and tables read, where that depends on the configuration.

READS   the configuration
WRITES  nothing
"""


def phrase_files(wildcards):
    """Phrases and their features, of every part of the vocabulary."""
    parts = plan.parts(config)
    return {
        "phrases": expand(FILE.phrases, part=parts),
        "phrase_features": expand(FILE.phrase_features, **encoder(wildcards), part=parts),
    }


def queries_over(wildcards):
    """Queries of every benchmark over an image set: they name its references."""
    return expand(
        FILE.queries,
        benchmark=plan.benchmarks_on(config, wildcards.image_set, wildcards.get("preprocess")),
    )


def network_images(wildcards):
    """What SEARLE's φ learns from: features, tokens and concepts of its unlabeled images."""
    entry = config["networks"][wildcards.network]
    which = encoder(wildcards)
    return {
        "features": shards_of(FILE.features, entry["image_set"], **which),
        "tokens": shards_of(
            FILE.tokens, entry["image_set"], inversion=entry["inversion"], seed=wildcards.seed, **which
        ),
        "concepts": expand(FILE.concepts, image_set=entry["image_set"], preprocess=config["preprocess"], **which),
    }


def network_captions(wildcards):
    """What LinCIR's φ learns from: captions, their features or their images'; and queries that choose its best step."""
    entry = config["networks"][wildcards.network]
    parts = plan.caption_parts(config, entry["corpora"])
    inputs = {
        "captions": [expand(FILE.captions, **part)[0] for part in parts],
        "caption_features": [expand(FILE.caption_features, **encoder(wildcards), **part)[0] for part in parts],
    }
    if entry["input"] == "image":
        inputs["image_features"] = shards_of(FILE.features, entry["image_set"], **encoder(wildcards))
    if entry["selection"] == "best":
        inputs["validation_queries"] = f"<scale>/queries/benchmark={entry['validation']}/queries.parquet"
        inputs["validation_gallery"] = f"<scale>/gallery/benchmark={entry['validation']}/gallery.parquet"
        inputs["validation_features"] = shards_of_benchmark(FILE.features, entry["validation"], **encoder(wildcards))
    return inputs


def fact_files(wildcards):
    """Every file of facts of a table."""
    return [
        (
            f"<scale>/facts/backbone={values['backbone']}/{values['fact']}.parquet"
            if values["backbone"]
            else f"<scale>/facts/{values['fact']}.parquet"
        )
        for values in plan.facts_of(config, wildcards.table)
    ]
