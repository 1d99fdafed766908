"""
Networks on frozen features, by whatever trainer: φ of SEARLE, LinCIR, Pic2Word and PALAVRA, random ones for rehearsals, and
the supervised Combiner.

READS   what a trainer names: features, tokens, concepts, phrases, captions, triplets, queries to validate with, weights
WRITES  <scale>/phi/network=…/…/phi.safetensors, phi.json and training.parquet
RESUMES from <scale>/work/phi/…
"""


rule train_network:
    input:
        unpack(lambda wildcards: inputs.of_network(config, wildcards.network, wildcards.backbone, wildcards.seed)),
        weights=weights,
    output:
        output=FILE.phi,
        card=FILE.phi_card,
        training_log=FILE.training,
    threads: torch_cores
    resources:
        **torch_job(mem_mb=8000, runtime=480, held=2),
    params:
        **call(
            "train_network",
            precision=precision("networks"),
            family=TRAINERS,
            member=lambda wildcards: inputs.trainer(config, wildcards.network),
            settings=lambda wildcards: settings_of(
                TRAINERS,
                inputs.trainer(config, wildcards.network),
                plan.network(config, wildcards.network, wildcards.backbone),
            ),
            work=work("phi", "network", "backbone", "seed"),
        ),
    shell:
        TORCH_STAGE
