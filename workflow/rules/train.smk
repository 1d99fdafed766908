"""
The mapping networks φ: one rule a trainer (SEARLE §3.2), and random ones for rehearsals.

READS   what a trainer learns from: SEARLE features, OTI tokens, concepts and phrases of unlabeled images, LinCIR captions
        and their features, Pic2Word features of images; weights
WRITES  <scale>/phi/network=…/…/phi.safetensors, phi.json and training.parquet
RESUMES from <scale>/work/phi/…
"""


rule train_searle:
    input:
        unpack(phrase_files),
        unpack(network_images),
        weights=weights,
    output:
        phi=FILE.phi,
        card=FILE.phi_card,
        training=FILE.training,
    log:
        "<logs>/train_searle/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/train_searle/{network}/{backbone}/{seed}.jsonl"
    wildcard_constraints:
        network=plan.one_of(plan.networks_of(config, "searle")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=480,
    params:
        code=code_version("train_searle"),
        settings=lambda wildcards: flags(
            config["networks"][wildcards.network], "trainer", "source", "image_set", "inversion"
        ),
        work=f"{WORK}/phi/{{network}}/{{backbone}}/{{seed}}",
    shell:
        "python -m cirque train_searle --features {input.features} --tokens {input.tokens} --concepts {input.concepts}"
        " --phrases {input.phrases} --phrase-features {input.phrase_features} --weights {input.weights}"
        " {params.settings} --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads}"
        " --output {output.phi} --training-log {output.training} 2>&1 | tee {log}"


rule train_lincir:
    input:
        unpack(network_captions),
        weights=weights,
    output:
        phi=FILE.phi,
        card=FILE.phi_card,
        training=FILE.training,
    log:
        "<logs>/train_lincir/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/train_lincir/{network}/{backbone}/{seed}.jsonl"
    wildcard_constraints:
        network=plan.one_of(plan.networks_of(config, "lincir")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=480,
    params:
        code=code_version("train_lincir"),
        settings=lambda wildcards: flags(
            config["networks"][wildcards.network],
            *("trainer", "source", "corpora", "image_set", "validation"),
        ),
        others=lambda wildcards, input: flags(
            {key: value for key, value in input.items() if key.startswith(("image", "validation"))}
        ),
        work=f"{WORK}/phi/{{network}}/{{backbone}}/{{seed}}",
    shell:
        "python -m cirque train_lincir --captions {input.captions} --caption-features {input.caption_features}"
        " --weights {input.weights} {params.settings} {params.others} --seed {wildcards.seed} --work {params.work}"
        " --threads {resources.torch_threads} --output {output.phi} --training-log {output.training} 2>&1 | tee {log}"


rule train_pic2word:
    input:
        features=lambda wildcards: shards_of(
            FILE.features,
            config["networks"][wildcards.network]["image_set"],
            **encoder(wildcards),
        ),
        weights=weights,
    output:
        phi=FILE.phi,
        card=FILE.phi_card,
        training=FILE.training,
    log:
        "<logs>/train_pic2word/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/train_pic2word/{network}/{backbone}/{seed}.jsonl"
    wildcard_constraints:
        network=plan.one_of(plan.networks_of(config, "pic2word")),
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=48000,
        runtime=480,
    params:
        code=code_version("train_pic2word"),
        settings=lambda wildcards: flags(config["networks"][wildcards.network], "trainer", "source", "image_set"),
        work=f"{WORK}/phi/{{network}}/{{backbone}}/{{seed}}",
    shell:
        "python -m cirque train_pic2word --features {input.features} --weights {input.weights} {params.settings}"
        " --seed {wildcards.seed} --work {params.work} --threads {resources.torch_threads} --output {output.phi}"
        " --training-log {output.training} 2>&1 | tee {log}"


rule random_phi:
    input:
        weights=weights,
    output:
        phi=FILE.phi,
        card=FILE.phi_card,
    log:
        "<logs>/random_phi/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/random_phi/{network}/{backbone}/{seed}.jsonl"
    wildcard_constraints:
        network=plan.one_of(plan.networks_of(config, "random")),
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("random_phi"),
        dropout=lambda wildcards: config["networks"][wildcards.network]["dropout"],
    shell:
        "python -m cirque random_phi --weights {input.weights} --dropout {params.dropout} --seed {wildcards.seed} --output {output.phi}"
        " 2>&1 | tee {log}"
