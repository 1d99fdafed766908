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
        tables=expand("<scale>/table_{table}.parquet", table=plan.tables(config)),
        pages=expand("<scale>/table_{table}.html", table=plan.tables(config)),
        settings="<scale>/settings.json",
        queries=expand(
            "<scale>/queries/benchmark={benchmark}/queries.parquet",
            benchmark=GALLERY_BENCHMARKS,
        ),
        rankings=run_files(f"<scale>/rankings/{RUN}/rankings.parquet", GALLERY_RUNS),
        images=expand(
            "<scale>/images/image_set={image_set}/images.parquet",
            image_set=GALLERY_IMAGE_SETS,
        ),
        shards=[
            shard
            for image_set in GALLERY_IMAGE_SETS
            for shard in shards_of("<scale>/shards/image_set={image_set}/{shard}.tar", image_set)
        ],
        plots=expand("results/plot_{plot}.svg", plot=plan.plots(config)),
        parts=[str(ROOT / f"src/cirque/report/{name}") for name in REPORT_PARTS],
    output:
        page=report(
            "results/report/index.html",
            category="Tables",
            labels={"table": "all", "scale": config["scale"]},
        ),
    log:
        "<logs>/write_index.log",
    benchmark:
        "<costs>/write_index.jsonl"
    conda:
        "../../envs/cirque.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=code_version("write_index"),
        plots=lambda wildcards, input: flags({"plots": input.plots}) if input.get("plots") else "",
    shell:
        "python -m cirque write_index --tables {input.tables} --settings {input.settings} --queries {input.queries}"
        " --rankings {input.rankings} --images {input.images} --shards {input.shards} {params.plots} --output {output.page}"
        " 2>&1 | tee {log}"
