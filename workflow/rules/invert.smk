"""
Textual inversion: a pseudo token for each image (SEARLE §3.1; PALAVRA's, SEARLE Tables 1 to 3).

READS   features of a part of an image set, a benchmark's queries, weights, and what an inversion names: concepts, phrases, networks
WRITES  <scale>/tokens/…/00000.parquet: of a benchmark's image set only the references are inverted
RESUMES from <scale>/work/tokens/…, which no rule declares: Snakemake deletes declared outputs before a job starts
"""


rule invert_images:
    input:
        unpack(lambda wildcards: inputs.of_inversion(config, dict(wildcards.items()))),
        features=lambda wildcards: expand(FILE.features, **{**wildcards, **encoder(wildcards)})[0],
        weights=weights,
        queries=queries_over,
    output:
        tokens=FILE.tokens,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=240, held=2),
    params:
        **call(
            "invert_images",
            precision=precision("inversions"),
            family=INVERSIONS,
            member=lambda wildcards: config["inversions"][wildcards.inversion]["kind"],
            settings=lambda wildcards: settings_of(
                INVERSIONS,
                config["inversions"][wildcards.inversion]["kind"],
                config["inversions"][wildcards.inversion],
            ),
            work=work("tokens", "inversion", "image_set", "preprocess", "backbone", "seed", "part"),
        ),
    shell:
        TORCH_STAGE
