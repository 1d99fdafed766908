"""
What composed features mean (TIRG Figure 7): a decoder, trained on a composer's image features, makes pictures of them.

READS   a composer; decoded images of its training set and of a benchmark, whose queries it composes
WRITES  <scale>/reconstructions/….parquet: pictures of a few queries, and of what their features decode to
RESUMES from <scale>/work/reconstructions/…
"""


rule reconstruct:
    input:
        unpack(
            lambda wildcards: composers.to_decode(
                config, wildcards.training, config["plots"]["reconstruction"]["benchmark"], encoder(wildcards)
            )
        ),
        composer=FILE.composer,
        card=FILE.composer_card,
        queries=expand(FILE.queries, benchmark=config["plots"]["reconstruction"]["benchmark"]),
    output:
        output=FILE.reconstructions,
    wildcard_constraints:
        method=plan.one_of([name for name in config["methods"] if plan.is_composed(config, name)]),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=16000, runtime=480),
    params:
        **call(
            "reconstruct",
            modules=lambda wildcards: [
                COMPOSITIONS.module(config["methods"][wildcards.method]["composition"]),
                *plan.encoder_modules(config, wildcards.backbone),
            ],
            texts=config["plots"]["reconstruction"]["texts"],
            settings={
                key: config["plots"]["reconstruction"][key] for key in ("steps", "batch", "learning_rate", "width")
            },
            work=work("reconstructions", "training", "method", "backbone", "seed"),
        ),
    shell:
        TORCH_STAGE
