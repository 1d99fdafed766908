"""
Real data: downloads with checksums, and folders that a person has to provide.

READS   config/datasets.tsv: address, mirrors, size, checksum, licence
        config/archives.tsv: what comes out of which archive, where the configuration says `unpack`
WRITES  annotation files and the vocabulary under the data root, each checked against its checksum
        images out of archives under the data root, and unpacked/…: lists of them, once they are whole
        <scale>/released/…: proofs that files are the released ones, whoever put them there
EXPECTS the images of CIRR and ImageNet where docs/data.md says; the stage list_images names what is missing
"""

UNPACKED = unpacking.needed(config, REGISTRY)


rule fetch_file:
    output:
        # Never removed by Snakemake, before or after the job: it may be the user's own.
        output=update("<data>/{file}"),
    wildcard_constraints:
        file=plan.one_of([name for name in registry.fetchable_files(REGISTRY) if name not in UNPACKED]),
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


if UNPACKED:

    rule unpack_archive:
        input:
            archive=lambda wildcards: f"<data>/{UNPACKED[f'{wildcards.made}/'].archive}",
        output:
            # The images themselves are no output: Snakemake would remove those of an unfinished job.
            output=f"<data>/{unpacking.LISTS}/{{made}}.json",
        wildcard_constraints:
            made=plan.one_of([name.rstrip("/") for name, one in UNPACKED.items() if one.is_folder]),
        resources:
            **needs(mem_mb=2000, runtime=240),
        params:
            **call("unpack_archive", registry=str(REGISTRY), data_root=config["data_root"]),
        shell:
            STAGE

    rule unpack_file:
        input:
            archive=lambda wildcards: f"<data>/{UNPACKED[wildcards.made].archive}",
        output:
            output=update("<data>/{made}"),
        wildcard_constraints:
            made=plan.one_of([name for name, one in UNPACKED.items() if not one.is_folder]),
        resources:
            **needs(mem_mb=2000, runtime=240),
        params:
            **call("unpack_archive", registry=str(REGISTRY), data_root=config["data_root"]),
        shell:
            STAGE
