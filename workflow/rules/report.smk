"""
The page over all tables, and a page of queries for each benchmark.

READS   every table and its page; every plot; queries, rankings and pictures of each benchmark with answers
WRITES  results/report/index.html, and results/report/queries_BENCHMARK.html, to which it links: each self-contained, opens
        from the file system. Pages of queries with photographs hold thumbnails of licensed images and are not to be
        passed on
"""

# What the pages of queries show: the methods of all tables but bounds, on the first backbone, of the first seed.
QUERY_RUNS = plan.query_runs(config)
REPORT_PARTS = {
    "index": ("index.html", "page.css", "index.css", "index.js", "figures.html"),
    "queries": ("queries.html", "page.css", "queries.css", "queries.js"),
}


rule write_queries:
    input:
        unpack(lambda wildcards: composers.reference_pictures(config, wildcards.benchmark)),
        queries=FILE.queries,
        rankings=lambda wildcards: run_files(FILE.rankings, QUERY_RUNS[wildcards.benchmark]),
        settings=FILE.settings,
        images=lambda wildcards: expand(FILE.images, image_set=config["benchmarks"][wildcards.benchmark]["image_set"]),
        shards=lambda wildcards: shards_of_benchmark(wildcards.benchmark),
        parts=[str(ROOT / f"src/cirque/report/{name}") for name in REPORT_PARTS["queries"]],
    output:
        page="results/report/queries_{benchmark}.html",
    resources:
        **needs(mem_mb=8000, runtime=60),
    params:
        **call("write_queries"),
    shell:
        STAGE


rule write_index:
    input:
        tables=expand(FILE.tables, table=plan.tables(config)),
        pages=expand(FILE.pages, table=plan.tables(config)),
        settings=FILE.settings,
        queries=expand("results/report/queries_{benchmark}.html", benchmark=QUERY_RUNS),
        plots=expand("results/plot_{plot}.svg", plot=plots.names(config)),
        parts=[str(ROOT / f"src/cirque/report/{name}") for name in REPORT_PARTS["index"]],
    output:
        page=report(
            "results/report/index.html",
            category="Tables",
            labels={"table": "all", "scale": config["scale"]},
        ),
    resources:
        **needs(mem_mb=8000, runtime=60),
    params:
        **call("write_index"),
    shell:
        STAGE
