"""
Real data: downloads with checksums, and folders that a person has to provide.

READS   config/datasets.tsv: address, mirrors, size, checksum, licence
WRITES  annotation files and the vocabulary under the data root, each checked against its checksum
EXPECTS the images of CIRR and ImageNet where docs/data.md says; the stage list_images names what is missing
"""


rule fetch_file:
    output:
        "<data>/{file}",
    wildcard_constraints:
        file=plan.one_of(plan.fetchable_files(ROOT / "config/datasets.tsv")),
    retries: 2
    params:
        **call("fetch_file", registry=str(ROOT / "config/datasets.tsv")),
    shell:
        STAGE
