"""
Real data: downloads with checksums, and folders that a person has to provide.

READS   config/datasets.tsv: address, mirrors, size, checksum, licence
WRITES  annotation files and the vocabulary under the data root, each checked against its checksum
        <scale>/released/…: proofs that files are the released ones, whoever put them there
EXPECTS the images of CIRR and ImageNet where docs/data.md says; the stage list_images names what is missing
"""


rule fetch_file:
    output:
        # Never removed by Snakemake, before or after the job: it may be the user's own.
        output=update("<data>/{file}"),
    wildcard_constraints:
        file=plan.one_of(registry.fetchable_files(REGISTRY)),
    retries: 2
    localrule: True
    resources:
        **needs(mem_mb=2000, runtime=480),
    params:
        **call("fetch_file", registry=str(REGISTRY)),
    shell:
        STAGE


rule verify_file:
    input:
        released="<data>/{file}",
    output:
        proof=FILE.released,
    wildcard_constraints:
        file=plan.one_of(registry.provable_files(REGISTRY)),
    resources:
        **needs(mem_mb=2000, runtime=120),
    params:
        **call("verify_file", registry=str(REGISTRY)),
    shell:
        STAGE
