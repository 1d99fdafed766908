"""
Plots: norms of noises, training time against score, domains, composed features as pictures, scenes of CSS.

READS   tables; networks φ, whose records say what their trainings and all that these depend on took; decoded features;
        scenes of CSS and the shards of their pictures
WRITES  <scale>/training_times/network=…/…/times.parquet
        <scale>/css_scenes/scenes.parquet: a few scenes of each split, what is asked of them, and their pictures
        results/plot_*.svg, results/plot_*.parquet: the drawing, and every figure in it
"""


rule sum_training_time:
    input:
        phi=FILE.phi,
    output:
        times=FILE.training_times,
    resources:
        **needs(mem_mb=2000, runtime=30),
    params:
        **call("sum_training_time"),
    shell:
        STAGE


rule choose_scenes:
    input:
        scenes=SCENES,
        images_2d=lambda wildcards: expand(FILE.images, image_set=plots.css_image_sets(config, "2d")),
        shards_2d=lambda wildcards: shards_of_css("2d"),
        images_3d=lambda wildcards: expand(FILE.images, image_set=plots.css_image_sets(config, "3d")),
        shards_3d=lambda wildcards: shards_of_css("3d"),
    output:
        output=FILE.css_scenes,
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        **call("choose_scenes", n_scenes=lambda wildcards: config["plots"]["css_scenes"]["n_scenes"]),
    shell:
        STAGE


rule draw_plot:
    input:
        tables=lambda wildcards: expand(FILE.tables, table=config["plots"][wildcards.plot].get("tables", [])),
        times=lambda wildcards: run_files(FILE.training_times, plots.trainings(config, wildcards.plot)),
        pictures=lambda wildcards: run_files(FILE.reconstructions, plots.decoded(config, wildcards.plot).values()),
        scenes=lambda wildcards: [FILE.css_scenes] if "n_scenes" in config["plots"][wildcards.plot] else [],
    output:
        output=report("results/plot_{plot}.svg", category="Plots", labels={"plot": "{plot}", "scale": config["scale"]}),
        data="results/plot_{plot}.parquet",
    resources:
        **needs(mem_mb=4000, runtime=30),
    params:
        **call(
            "draw_plot",
            modules=lambda wildcards: [PLOTS.module(wildcards.plot)],
            name=lambda wildcards: wildcards.plot,
            settings=lambda wildcards: as_json(plots.settings(config, wildcards.plot)),
        ),
    shell:
        STAGE
