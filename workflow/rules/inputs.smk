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
