"""
What methods, trainings and tables read, where that depends on the configuration.

READS   the configuration
WRITES  nothing
"""


def phrase_files(wildcards):
    """Phrases and their features, of every part of the vocabulary."""
    parts = plan.parts(config)
    return {
        "phrases": expand(PHRASES, part=parts),
        "phrase_features": expand(PHRASE_FEATURES, backbone=wildcards.backbone, part=parts),
    }


def reference_features(wildcards):
    """Feature shards of a benchmark's image set, preprocessed as it asks."""
    return shards_of_benchmark(FEATURES, wildcards.benchmark, backbone=wildcards.backbone)


def method_inputs(wildcards):
    """What a method builds on, by name: `tokens`, `concepts` or `reference_captions` of the references, or `phi`."""
    needs = plan.needs(config, wildcards.method)
    which = {"backbone": wildcards.backbone, "seed": wildcards.seed}
    inputs = {}
    image_set = config["benchmarks"][wildcards.benchmark]["image_set"]
    if "tokens" in needs:
        inputs["tokens"] = shards_of_benchmark(TOKENS, wildcards.benchmark, inversion=needs["tokens"], **which)
        if config["inversions"][needs["tokens"]]["kind"] == "palavra":
            own = plan.preprocess(config, wildcards.benchmark)
            inputs["concepts"] = expand(CONCEPTS, image_set=image_set, preprocess=own, **which)
    if "phi" in needs:
        inputs["phi"] = expand(PHI, network=needs["phi"], **which)
    if "captions" in needs:
        inputs["reference_captions"] = shards_of(REFERENCE_CAPTIONS, image_set, captioner=needs["captions"])
    return inputs


def queries_over(wildcards):
    """Queries of every benchmark over an image set: they name its references."""
    return expand(
        "<scale>/queries/benchmark={benchmark}/queries.parquet",
        benchmark=plan.benchmarks_on(config, wildcards.image_set, wildcards.get("preprocess")),
    )


def network_images(wildcards):
    """What SEARLE's φ learns from: features, tokens and concepts of its unlabeled images."""
    entry = config["networks"][wildcards.network]
    which = {"backbone": wildcards.backbone}
    return {
        "features": shards_of(FEATURES, entry["image_set"], **which),
        "tokens": shards_of(TOKENS, entry["image_set"], inversion=entry["inversion"], seed=wildcards.seed, **which),
        "concepts": expand(CONCEPTS, image_set=entry["image_set"], preprocess=config["preprocess"], **which),
    }


def network_captions(wildcards):
    """What LinCIR's φ learns from: captions, their features or their images'; and queries that choose its best step."""
    entry = config["networks"][wildcards.network]
    parts = plan.caption_parts(config, entry["corpora"])
    inputs = {
        "captions": [expand(CAPTIONS, **part)[0] for part in parts],
        "caption_features": [expand(CAPTION_FEATURES, backbone=wildcards.backbone, **part)[0] for part in parts],
    }
    if entry["input"] == "image":
        inputs["image_features"] = shards_of(FEATURES, entry["image_set"], backbone=wildcards.backbone)
    if entry["selection"] == "best":
        inputs["validation_queries"] = f"<scale>/queries/benchmark={entry['validation']}/queries.parquet"
        inputs["validation_gallery"] = f"<scale>/gallery/benchmark={entry['validation']}/gallery.parquet"
        inputs["validation_features"] = shards_of_benchmark(FEATURES, entry["validation"], backbone=wildcards.backbone)
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
