"""
Real data: downloads with checksums, and folders that a person has to provide.

READS   config/datasets.tsv: address, mirrors, size, checksum, licence
WRITES  annotation files and the vocabulary under the data root, each checked against its checksum
EXPECTS the images of CIRR and ImageNet where docs/data.md says; the stage list_images names what is missing
"""


rule fetch_file:
    output:
        "<data>/{file}",
    log:
        "<logs>/fetch_file/{file}.log",
    benchmark:
        "<costs>/fetch_file/{file}.jsonl"
    wildcard_constraints:
        file=plan.one_of(plan.fetchable_files(ROOT / "config/datasets.tsv")),
    retries: 2
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("fetch_file"),
        registry=str(ROOT / "config/datasets.tsv"),
    shell:
        "python -m cirque fetch_file --registry {params.registry:q} --file {wildcards.file:q}"
        " --output {output:q} 2>&1 | tee {log}"
