"""
Plots: norms of noises, training time against score, domains.

READS   tables; Snakemake's measurement of each job that a training depends on
WRITES  <scale>/training_times/network=…/…/times.parquet
        results/plot_*.svg, results/plot_*.parquet: the drawing, and every figure in it
"""


rule sum_training_time:
    input:
        # What a job took stands in its benchmark file; one that ran without leaving it is run again.
        costs=lambda wildcards: [
            f"<costs>/{job}.jsonl"
            for job in plan.training_jobs(config, wildcards.network, wildcards.backbone, wildcards.seed)
        ],
    output:
        times=FILE.training_times,
    log:
        "<logs>/sum_training_time/{network}/{backbone}/{seed}.log",
    benchmark:
        "<costs>/sum_training_time/{network}/{backbone}/{seed}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("sum_training_time"),
    shell:
        "python -m cirque sum_training_time --costs {input.costs} --network {wildcards.network}"
        " --backbone {wildcards.backbone} --seed {wildcards.seed} --output {output.times} 2>&1 | tee {log}"


rule draw_plot:
    input:
        tables=lambda wildcards: expand(
            FILE.tables,
            table=config["plots"][wildcards.plot].get("tables", []),
        ),
        times=lambda wildcards: run_files(FILE.training_times, plan.plotted_trainings(config, wildcards.plot)),
    output:
        plot=report("results/plot_{plot}.svg", category="Plots", labels={"plot": "{plot}", "scale": config["scale"]}),
        data="results/plot_{plot}.parquet",
    log:
        "<logs>/draw_plot/{plot}.log",
    benchmark:
        "<costs>/draw_plot/{plot}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=lambda wildcards: code_version("draw_plot", f"cirque.plots.{wildcards.plot}"),
        settings=lambda wildcards: as_json(plan.plot_settings(config, wildcards.plot)),
        drawn=lambda wildcards, input: flags({key: input.get(key) for key in ("tables", "times") if input.get(key)}),
    shell:
        "python -m cirque draw_plot --name {wildcards.plot} --settings {params.settings:q} {params.drawn}"
        " --output {output.plot} --data {output.data} 2>&1 | tee {log}"
