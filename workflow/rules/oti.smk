"""
Optimisation-based textual inversion (SEARLE §3.1): a pseudo token for each image.

READS   features of one shard, concepts, phrases and their features, weights; a benchmark's queries
WRITES  <scale>/tokens/…/00000.parquet: of a benchmark's image set only the references are inverted
RESUMES from <scale>/work/oti/…, which no rule declares: Snakemake deletes declared outputs before a job starts
"""


rule invert_images:
    input:
        unpack(phrase_files),
        features=lambda wildcards: expand(FILE.features, **{**wildcards, **encoder(wildcards)}),
        concepts=lambda wildcards: expand(FILE.concepts, **{**wildcards, **encoder(wildcards)}),
        weights=weights,
        queries=queries_over,
    output:
        tokens=FILE.tokens,
    log:
        "<logs>/invert_images/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.log",
    benchmark:
        "<costs>/invert_images/{inversion}/{image_set}/{preprocess}/{backbone}/{seed}/{shard}.jsonl"
    wildcard_constraints:
        inversion=plan.one_of(plan.inversions_of(config, "oti")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=16000,
        runtime=240,
    params:
        code=code_version("invert_images"),
        settings=lambda wildcards: flags(config["inversions"][wildcards.inversion], "kind"),
        references=lambda wildcards, input: flags({"queries": input.queries}) if input.get("queries") else "",
        work=f"{WORK}/oti/{{inversion}}/{{image_set}}/{{preprocess}}/{{backbone}}/{{seed}}/{{shard}}",
    shell:
        "python -m cirque invert_images --features {input.features} --concepts {input.concepts} --phrases {input.phrases}"
        " --phrase-features {input.phrase_features} --weights {input.weights} {params.references}"
        " {params.settings} --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads}"
        " --output {output.tokens} 2>&1 | tee {log}"
