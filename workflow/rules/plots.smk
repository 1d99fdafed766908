"""
Plots: norms of noises, training time against score, domains, composed features as pictures.

READS   tables; networks φ, whose records say what their trainings and all that these depend on took; decoded features
WRITES  <scale>/training_times/network=…/…/times.parquet
        results/plot_*.svg, results/plot_*.parquet: the drawing, and every figure in it
"""


rule sum_training_time:
    input:
        phi=FILE.phi,
    output:
        times=FILE.training_times,
    params:
        **call("sum_training_time"),
    shell:
        STAGE


rule draw_plot:
    input:
        tables=lambda wildcards: expand(FILE.tables, table=config["plots"][wildcards.plot].get("tables", [])),
        times=lambda wildcards: run_files(FILE.training_times, plots.trainings(config, wildcards.plot)),
        pictures=lambda wildcards: run_files(FILE.reconstructions, plots.decoded(config, wildcards.plot).values()),
    output:
        output=report("results/plot_{plot}.svg", category="Plots", labels={"plot": "{plot}", "scale": config["scale"]}),
        data="results/plot_{plot}.parquet",
    params:
        **call(
            "draw_plot",
            modules=lambda wildcards: [PLOTS.module(wildcards.plot)],
            name=lambda wildcards: wildcards.plot,
            settings=lambda wildcards: as_json(plots.settings(config, wildcards.plot)),
        ),
    shell:
        STAGE
