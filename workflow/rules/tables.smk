"""
The papers' tables, their pages, and the database over everything.

READS   metrics of every run, facts, the papers' numbers in config/published, workflow/tables/*.sql: the table is the query
WRITES  <scale>/table_*.parquet and .html, results/table_*.parquet (the current configuration's), results/cirque.duckdb
"""

PUBLISHED = [str(ROOT / f"config/published/{paper}.csv") for paper in ("searle", "lincir", "pic2word", "tirg")]
PAGE_PARTS = [str(ROOT / f"src/cirque/report/{name}") for name in ("page.html", "page.css", "figures.html")]


rule write_settings:
    output:
        settings_file=FILE.settings,
    localrule: True
    resources:
        **needs(mem_mb=2000, runtime=15),
    params:
        **call("write_settings", settings=as_json(plan.table_settings(config))),
    shell:
        STAGE


rule build_table:
    input:
        metrics=lambda wildcards: run_files(FILE.metrics, plan.runs(config, wildcards.table)),
        facts=lambda wildcards: facts.of_table(config, wildcards.table),
        submissions=lambda wildcards: run_files(FILE.submissions, plan.submissions(config, wildcards.table)),
        published=PUBLISHED,
        not_run=str(ROOT / "config/not_run.csv"),
        macros=str(ROOT / "src/cirque/tables/build.sql"),
        sql=str(ROOT / "workflow/tables/table_{table}.sql"),
        settings=FILE.settings,
    output:
        table=FILE.tables,
    localrule: True
    resources:
        **needs(mem_mb=4000, runtime=15),
    params:
        **call("build_table", name=lambda wildcards: wildcards.table),
    shell:
        STAGE


rule write_page:
    input:
        table=FILE.tables,
        settings=FILE.settings,
        parts=PAGE_PARTS,
    output:
        page=report(
            FILE.pages,
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "scale": config["scale"]},
        ),
    localrule: True
    resources:
        **needs(mem_mb=2000, runtime=15),
    params:
        **call("write_page"),
    shell:
        STAGE


rule create_database:
    input:
        published=PUBLISHED,
        macros=MACROS,
    output:
        database=f"{paths.RESULTS}/cirque.duckdb",
    localrule: True
    resources:
        **needs(mem_mb=4000, runtime=15),
    params:
        **call("create_database", results=paths.RESULTS),
    shell:
        STAGE


rule publish_table:
    input:
        table=FILE.tables,
        page=FILE.pages,
        database=f"{paths.RESULTS}/cirque.duckdb",
    output:
        table="results/table_{table}.parquet",
        page="results/table_{table}.html",
    log:
        "<logs>/publish_table/{table}.log",
    localrule: True
    conda:
        "../../envs/cirque.yaml"
    params:
        scale=config["scale"],
    shell:
        "cp {input.table} {output.table} && cp {input.page} {output.page} 2> {log}"
