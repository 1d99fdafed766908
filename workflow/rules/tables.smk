"""
The papers' tables, their pages, and the database over everything.

READS   metrics of every run, facts, the papers' numbers in config/published, workflow/tables/*.sql: the table is the query
WRITES  <scale>/table_*.parquet and .html, results/table_*.parquet (the current configuration's), results/cirque.duckdb
"""

PUBLISHED = [str(ROOT / f"config/published/{paper}.csv") for paper in ("searle", "lincir", "pic2word", "tirg")]


rule write_settings:
    output:
        settings="<scale>/settings.json",
    log:
        "<logs>/write_settings.log",
    benchmark:
        "<costs>/write_settings.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("write_settings"),
        settings=lambda wildcards: as_json(plan.table_settings(config)),
    shell:
        "python -m cirque write_settings --settings {params.settings:q} --output {output.settings} 2>&1 | tee {log}"


rule build_table:
    input:
        metrics=lambda wildcards: run_files(
            f"<scale>/metrics/{RUN}/metrics.parquet",
            plan.runs(config, wildcards.table),
        ),
        facts=fact_files,
        submissions=lambda wildcards: run_files(
            f"<scale>/submissions/{RUN}/{{server_file}}.json",
            plan.submissions(config, wildcards.table),
        ),
        published=PUBLISHED,
        not_run=str(ROOT / "config/not_run.csv"),
        macros=str(ROOT / "src/cirque/tables/build.sql"),
        sql=str(ROOT / "workflow/tables/table_{table}.sql"),
        settings="<scale>/settings.json",
    output:
        table="<scale>/table_{table}.parquet",
    log:
        "<logs>/build_table/{table}.log",
    benchmark:
        "<costs>/build_table/{table}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("build_table"),
        measured=lambda wildcards, input: flags({key: input.get(key) for key in ("metrics", "facts") if input.get(key)}),
    shell:
        "python -m cirque build_table --name {wildcards.table} --sql {input.sql} {params.measured}"
        " --published {input.published} --not-run {input.not_run} --settings {input.settings} --output {output.table} 2>&1 | tee {log}"


rule write_page:
    input:
        table="<scale>/table_{table}.parquet",
        parts=[str(ROOT / f"src/cirque/report/{name}") for name in ("page.html", "page.css", "figures.html")],
    output:
        page=report(
            "<scale>/table_{table}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "scale": config["scale"]},
        ),
    log:
        "<logs>/write_page/{table}.log",
    benchmark:
        "<costs>/write_page/{table}.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("write_page"),
    shell:
        "python -m cirque write_page --table {input.table} --output {output.page} 2>&1 | tee {log}"


rule create_database:
    input:
        published=PUBLISHED,
        macros=MACROS,
    output:
        database="results/cirque.duckdb",
    log:
        "<logs>/create_database.log",
    benchmark:
        "<costs>/create_database.jsonl"
    conda:
        "../../envs/cirque.yaml"
    params:
        code=code_version("create_database"),
    shell:
        "python -m cirque create_database --results results --published {input.published} --output {output.database} 2>&1 | tee {log}"


rule publish_table:
    input:
        table="<scale>/table_{table}.parquet",
        page="<scale>/table_{table}.html",
        database="results/cirque.duckdb",
    output:
        table="results/table_{table}.parquet",
        page="results/table_{table}.html",
    log:
        "<logs>/publish_table/{table}.log",
    conda:
        "../../envs/cirque.yaml"
    params:
        scale=config["scale"],
    shell:
        "cp {input.table} {output.table} && cp {input.page} {output.page} 2> {log}"
