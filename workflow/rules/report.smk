"""
The page over all tables, with galleries of queries.

READS   every table and its page; every plot; queries, rankings and pictures of each benchmark with answers
WRITES  results/report/index.html: self-contained, opens from the file system. With photographs it holds thumbnails of
        licensed images and is not to be passed on
"""

# What the galleries show: the methods of all tables but bounds, on the first backbone, of the first seed.
GALLERY_METHODS = [name for name in config["run"]["methods"] if not config["methods"][name].get("bound")]
GALLERY_RUNS = list(
    {
        (run["benchmark"], run["method"]): run
        for table in plan.tables(config)
        for run in plan.runs(config, table)
        if run["method"] in GALLERY_METHODS
        and run["backbone"] == config["run"]["backbones"][0]
        and run["seed"] == str(config["run"]["seeds"][0])
        and config["benchmarks"][run["benchmark"]]["answers"] != "hidden"
    }.values()
)
GALLERY_BENCHMARKS = list(dict.fromkeys(run["benchmark"] for run in GALLERY_RUNS))
REPORT_PARTS = ("index.html", "page.css", "index.css", "index.js", "figures.html")
GALLERY_IMAGE_SETS = list(dict.fromkeys(config["benchmarks"][name]["image_set"] for name in GALLERY_BENCHMARKS))


rule write_index:
    input:
        tables=expand(FILE.tables, table=plan.tables(config)),
        pages=expand(FILE.pages, table=plan.tables(config)),
        settings=FILE.settings,
        queries=expand(
            FILE.queries,
            benchmark=GALLERY_BENCHMARKS,
        ),
        rankings=run_files(FILE.rankings, GALLERY_RUNS),
        images=expand(
            FILE.images,
            image_set=GALLERY_IMAGE_SETS,
        ),
        shards=[shard for image_set in GALLERY_IMAGE_SETS for shard in shards_of(FILE.shards, image_set)],
        plots=expand("results/plot_{plot}.svg", plot=plan.plots(config)),
        parts=[str(ROOT / f"src/cirque/report/{name}") for name in REPORT_PARTS],
    output:
        page=report(
            "results/report/index.html",
            category="Tables",
            labels={"table": "all", "scale": config["scale"]},
        ),
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        **call("write_index"),
    shell:
        STAGE
