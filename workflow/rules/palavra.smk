"""
PALAVRA's tokens, which its networks and a short optimisation give (SEARLE Tables 1 to 3).

READS   features of one shard, concepts, a benchmark's queries, weights, networks
WRITES  <scale>/tokens/…/00000.parquet
"""


rule optimise_tokens:
    input:
        features=lambda wildcards: expand(FILE.features, **{**wildcards, **encoder(wildcards)}),
        concepts=lambda wildcards: expand(FILE.concepts, **{**wildcards, **encoder(wildcards)}),
        phi=lambda wildcards: expand(
            FILE.phi,
            network=config["inversions"][wildcards.inversion]["network"],
            backbone=wildcards.backbone,
            seed=wildcards.seed,
        ),
        weights=weights,
        queries=queries_over,
    output:
        tokens=FILE.tokens,
    log:
        "<logs>/optimise_tokens/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.log",
    benchmark:
        "<costs>/optimise_tokens/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.jsonl"
    wildcard_constraints:
        inversion=plan.one_of(plan.inversions_of(config, "palavra")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=60,
    params:
        code=code_version("optimise_tokens"),
        settings=lambda wildcards: flags(config["inversions"][wildcards.inversion], "kind", "network"),
        references=lambda wildcards, input: flags({"queries": input.queries}) if input.get("queries") else "",
    shell:
        "python -m cirque optimise_tokens --features {input.features} --concepts {input.concepts} --phi {input.phi}"
        " --weights {input.weights} {params.references} {params.settings} --threads {resources.torch_threads}"
        " --output {output.tokens} 2>&1 | tee {log}"
