"""
Generated text corpora of LinCIR's Table 10, where the configuration has a section `world`.

READS   nothing but the configuration
WRITES  a shard of COYO-700M and the archive of OpenWebText under the data root, in the official layouts
"""


rule generate_coyo:
    output:
        texts="<data>/coyo-700m/data/part-00000-17da4908-939c-46e5-91d0-15f256041956-c000.snappy.parquet",
    log:
        "<logs>/generate_coyo.log",
    benchmark:
        "<costs>/generate_coyo.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_coyo"),
        world="--seed {world[seed]} --n-alt-texts {world[n_alt_texts]}".format(**config),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_coyo {params.world} --data-root {params.data_root} 2>&1 | tee {log}"


rule generate_openwebtext:
    output:
        documents="<data>/openwebtext/openwebtext.tar.xz",
    log:
        "<logs>/generate_openwebtext.log",
    benchmark:
        "<costs>/generate_openwebtext.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("generate_openwebtext"),
        world="--seed {world[seed]} --n-documents {world[n_documents]}".format(**config),
        data_root=lambda wildcards: config["data_root"],
    shell:
        "python -m cirque generate_openwebtext {params.world} --data-root {params.data_root} 2>&1 | tee {log}"
