"""
What tables state without any ranking: sizes of benchmarks, layers of φ, the modality gap, the towers of a backbone.

READS   what a fact names: queries and galleries, weights, captions, features of images and captions
WRITES  <scale>/facts/….parquet, and <scale>/facts/backbone=…/….parquet of those that are stated of each backbone
"""


rule state_fact:
    input:
        unpack(lambda wildcards: facts.files(config, wildcards.fact)),
    output:
        rows=FILE.facts,
    wildcard_constraints:
        fact=plan.one_of([name for name in FACTS.names() if not facts.of_a_backbone(name)]),
    resources:
        **needs(mem_mb=8000, runtime=60),
    params:
        **call(
            "state_fact",
            family=FACTS,
            member=lambda wildcards: wildcards.fact,
            settings=lambda wildcards: facts.settings(config, wildcards.fact),
        ),
    shell:
        STAGE


rule state_fact_of_backbone:
    input:
        unpack(lambda wildcards: facts.files(config, wildcards.fact, wildcards.backbone)),
    output:
        rows=FILE.facts_of_backbone,
    wildcard_constraints:
        fact=plan.one_of([name for name in FACTS.names() if facts.of_a_backbone(name)]),
    threads: torch_cores
    resources:
        **torch_job(mem_mb=16000, runtime=60, held=2, of="weights"),
    params:
        **call(
            "state_fact",
            family=FACTS,
            member=lambda wildcards: wildcards.fact,
            settings=lambda wildcards: facts.settings(config, wildcards.fact),
        ),
    shell:
        TORCH_STAGE
