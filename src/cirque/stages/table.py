"""Make a paper's table: its SQL query over metrics, published figures and configuration."""

from pathlib import Path

from cirque import files, provenance, schemas, tables
from cirque.errors import CirqueError
from cirque.progress import say


def main(*, name: str, sql: Path, metrics: list[Path], published: list[Path], settings: Path, output: Path) -> None:
    """Write measured beside published, with difference, interval and verdict (schemas.TABLE).

    Args:
        name: of the table: cirr.
        sql: its query, workflow/tables/table_cirr.sql.
        metrics: metrics.parquet of every run.
        published: the papers' numbers, config/published/*.csv.
        settings: the configuration's names, labels, protocols and comparability: JSON, keys as in config.yaml.
        output: table_cirr.parquet.
    """
    provenance.read(sql)
    provenance.read(tables.MACROS)
    if not sql.is_file():
        raise CirqueError(f"{sql}: no such file; table {name} is the query in it")
    table = tables.build(
        name,
        sql.read_text(encoding="utf-8"),
        files.read_tables(metrics, schemas.METRICS.names),
        tables.read_published(published),
        files.read_json(settings),
    )
    files.write_table(output, table, schemas.TABLE)
    counts = table["verdict"].combine_chunks().value_counts().to_pylist()
    verdicts = ", ".join(f"{entry['counts']} {entry['values'] or 'with nothing to compare'}" for entry in counts)
    say(f"table {name}: {table.num_rows} figures ({verdicts})")
