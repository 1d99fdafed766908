"""
Composed queries, rankings, metrics and submission files: the methods of a group in one job.

READS   queries, gallery, features, weights, and what the group's methods need: tokens, φ, concepts, captions or pixels
        rankings that others computed
WRITES  <scale>/query_features/…, <scale>/rankings/…, <scale>/metrics/…, one a benchmark, backbone, method and seed;
        <scale>/submissions/… where the answers are on a server
"""


def protocol_of(benchmark):
    """How a benchmark is evaluated, as the stage's own names."""
    entry = config["benchmarks"][benchmark]
    own = {key: entry[key] for key in ("split", "metrics", "remove_reference")}
    return {"benchmark": benchmark, **own, "ties": entry.get("ties"), "server": plan.server(config, benchmark)}


def prompts_of(benchmark):
    """A benchmark's own prompts and order of captions, where it has some."""
    return {key: config["benchmarks"][benchmark].get(key) for key in ("prompt", "text_prompt", "caption_order")}


def run_alone(wildcards):
    """The group of a run that no table lists."""
    return evaluation.alone(config, dict(wildcards.items()))


def preprocess_of_run(wildcards):
    """How a run sees its images."""
    return plan.preprocess(config, wildcards.benchmark, wildcards.method)


def server_files(server):
    """Files of a run for a test server; none for none."""
    names = SUBMISSIONS.load(server).FILES if server else []
    return expand(FILE.submissions, server_file=names, allow_missing=True)


RESAMPLING = {("bootstrap_seed" if key == "seed" else key): value for key, value in config["bootstrap"].items()}


for group in evaluation.groups(config):

    rule:
        name:
            f"evaluate_{group.name}"
        input:
            queries=expand(FILE.queries, benchmark=group.benchmark),
            gallery=expand(FILE.gallery, benchmark=group.benchmark),
            features=features_of_benchmark(group.benchmark, preprocess=group.preprocess, **group.encoder),
            weights=expand(FILE.weights, **group.encoder),
            own=evaluation.files(config, group),
            macros=MACROS,
        output:
            files=evaluation.outputs(config, group),
        threads: torch_cores
        resources:
            **torch_job(mem_mb=8000, runtime=120, held=2),
        params:
            **call(
                "evaluate",
                precision=plan.precision(config, "queries", group.backbone),
                modules=evaluation.modules(config, group),
                runs=as_json(evaluation.described(config, group, paths.scale_folder(config["scale"]))),
                preprocess=group.preprocess,
                backbone=group.backbone,
                protocol=protocol_of(group.benchmark),
                resampling=RESAMPLING,
                output=paths.scale_folder(config["scale"]),
                **prompts_of(group.benchmark),
            ),
        shell:
            TORCH_STAGE


for server in ["", *SUBMISSIONS.names()]:

    rule:
        name:
            f"evaluate_run_{server}".rstrip("_")
        input:
            queries=FILE.queries,
            gallery=FILE.gallery,
            features=lambda wildcards: features_of_benchmark(
                wildcards.benchmark, preprocess=preprocess_of_run(wildcards), **encoder(wildcards)
            ),
            weights=weights,
            own=lambda wildcards: evaluation.files(config, run_alone(wildcards)),
            macros=MACROS,
        output:
            query_features=FILE.query_features,
            rankings=FILE.rankings,
            metrics=FILE.metrics,
            submissions=server_files(server),
        wildcard_constraints:
            **evaluation.constraints_alone(config, server),
        threads: torch_cores
        resources:
            **torch_job(mem_mb=8000, runtime=120, held=2),
        params:
            **call(
                "evaluate",
                precision=precision("queries"),
                modules=lambda wildcards: evaluation.modules(config, run_alone(wildcards)),
                runs=lambda wildcards: as_json(
                    evaluation.described(config, run_alone(wildcards), paths.scale_folder(config["scale"]))
                ),
                preprocess=preprocess_of_run,
                protocol=lambda wildcards: protocol_of(wildcards.benchmark),
                resampling=RESAMPLING,
                output=paths.scale_folder(config["scale"]),
                prompt=lambda wildcards: prompts_of(wildcards.benchmark)["prompt"],
                text_prompt=lambda wildcards: prompts_of(wildcards.benchmark)["text_prompt"],
                caption_order=lambda wildcards: prompts_of(wildcards.benchmark)["caption_order"],
            ),
        shell:
            TORCH_STAGE


for run in plan.scored(config):

    rule:
        name:
            f"score_{run['method']}_{run['benchmark']}"
        input:
            ranked=run["file"],
            queries=expand(FILE.queries, benchmark=run["benchmark"]),
            gallery=expand(FILE.gallery, benchmark=run["benchmark"]),
            macros=MACROS,
        output:
            files=[pattern.format(**run) for pattern in (FILE.rankings, FILE.metrics)],
        resources:
            **needs(mem_mb=8000, runtime=30),
        params:
            **call(
                "score_ranking",
                protocol=protocol_of(run["benchmark"]),
                resampling=RESAMPLING,
                backbone=run["backbone"],
                method=run["method"],
                seed=run["seed"],
                output=paths.scale_folder(config["scale"]),
            ),
        shell:
            STAGE


# Of a run that no table lists the server's files come with the rest.
workflow.ruleorder(*(f"evaluate_run_{server}" for server in SUBMISSIONS.names()), "evaluate_run")
