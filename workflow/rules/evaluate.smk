"""
Composed queries, rankings, metrics and submission files.

READS   queries, gallery, features, and what a method needs: tokens, φ, concepts or captions of the references
WRITES  <scale>/query_features/…, <scale>/rankings/…, <scale>/metrics/…, one a benchmark, backbone, method and seed;
        <scale>/submissions/… where the answers are on a server
"""

RUN = paths.RUN


rule compose_queries:
    input:
        unpack(method_inputs),
        queries=FILE.queries,
        features=reference_features,
        weights=weights,
    output:
        features=FILE.query_features,
    log:
        f"<logs>/compose_queries/{RUN}.log",
    benchmark:
        f"<costs>/compose_queries/{RUN}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    threads: torch_cores
    resources:
        gpu=plan.gpu_here(),
        torch_threads=torch_threads,
        mem_mb=8000,
        runtime=60,
    params:
        code=lambda wildcards: code_version("compose_queries", plan.method_module(config, wildcards.method)),
        prompts=lambda wildcards: flags(
            {
                key: value
                for key, value in config["benchmarks"][wildcards.benchmark].items()
                if key in ("prompt", "text_prompt", "caption_order")
            }
        ),
        composer=lambda wildcards: plan.composer(config, wildcards.method),
        needed=lambda wildcards, input: flags(
            {key: input.get(key) for key in ("tokens", "phi", "concepts", "reference_captions") if input.get(key)}
        ),
    shell:
        "python -m cirque compose_queries --method {params.composer} --queries {input.queries} --features {input.features}"
        " {params.needed} {params.prompts} --weights {input.weights} --threads {resources.torch_threads} --output {output.features}"
        " 2>&1 | tee {log}"


rule rank_gallery:
    input:
        queries=FILE.queries,
        gallery=FILE.gallery,
        query_features=FILE.query_features,
        features=reference_features,
    output:
        rankings=FILE.rankings,
    log:
        f"<logs>/rank_gallery/{RUN}.log",
    benchmark:
        f"<costs>/rank_gallery/{RUN}.jsonl"
    priority: SHORT
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        code=code_version("rank_gallery"),
        remove_reference=lambda wildcards: config["benchmarks"][wildcards.benchmark]["remove_reference"],
    shell:
        "python -m cirque rank_gallery --queries {input.queries} --gallery {input.gallery} --features {input.features}"
        " --query-features {input.query_features} --remove-reference {params.remove_reference}"
        " --output {output.rankings} 2>&1 | tee {log}"


rule compute_metrics:
    input:
        rankings=FILE.rankings,
        macros=MACROS,
    output:
        metrics=FILE.metrics,
    log:
        f"<logs>/compute_metrics/{RUN}.log",
    benchmark:
        f"<costs>/compute_metrics/{RUN}.jsonl"
    priority: SHORT
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        code=code_version("compute_metrics"),
        protocol=lambda wildcards: flags(
            {key: config["benchmarks"][wildcards.benchmark][key] for key in ("split", "metrics")}
        ),
        bootstrap=flags(
            {("bootstrap_seed" if key == "seed" else key): value for key, value in config["bootstrap"].items()}
        ),
    shell:
        "python -m cirque compute_metrics --rankings {input.rankings} --benchmark {wildcards.benchmark} {params.protocol}"
        " --backbone {wildcards.backbone} --method {wildcards.method} --seed {wildcards.seed} {params.bootstrap}"
        " --output {output.metrics} 2>&1 | tee {log}"


for served_dataset, served_benchmarks in plan.served(config).items():

    rule:
        name:
            f"write_{served_dataset}_submission"
        input:
            rankings=FILE.rankings,
            queries=FILE.queries,
            gallery=FILE.gallery,
        output:
            files=[f"<scale>/submissions/{RUN}/{name}.json" for name in plan.server_files(served_dataset)],
        log:
            f"<logs>/write_submission/{RUN}.log",
        benchmark:
            f"<costs>/write_submission/{RUN}.jsonl"
        wildcard_constraints:
            benchmark=plan.one_of(served_benchmarks),
        priority: SHORT
        conda:
            "../../envs/cirque.yaml"
        params:
            code=code_version("write_submission", f"cirque.submissions.{served_dataset}"),
            dataset=served_dataset,
        shell:
            "python -m cirque write_submission --dataset {params.dataset} --rankings {input.rankings} --queries {input.queries}"
            " --gallery {input.gallery} --outputs {output.files} 2>&1 | tee {log}"
