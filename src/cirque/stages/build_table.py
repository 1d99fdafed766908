"""Make a paper's table: its SQL query over metrics, published figures and configuration."""

from pathlib import Path

import pyarrow as pa

from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.tables import build as tables


def main(
    *,
    name: str,
    sql: Path,
    published: list[Path],
    settings: Path,
    output: Path,
    metrics: list[Path] | None = None,
    facts: list[Path] | None = None,
    not_run: Path | None = None,
) -> None:
    """Write measured beside published, with difference, interval and verdict (schemas.TABLE).

    Args:
        name: of the table: cirr.
        sql: its query, workflow/tables/table_cirr.sql.
        published: the papers' numbers, config/published/*.csv.
        settings: the configuration's names, labels, protocols and comparability: JSON, keys as in config.yaml.
        output: table_cirr.parquet.
        metrics: metrics.parquet of every run; none for a table without rankings.
        facts: what the table states besides (schemas.FACTS).
        not_run: why rows of the papers are left out on purpose, config/not_run.csv.
    """
    provenance.read(sql)
    provenance.read(tables.MACROS)
    if not sql.is_file():
        raise CirqueError(f"{sql}: no such file; table {name} is the query in it")
    table = tables.build(
        name,
        sql.read_text(encoding="utf-8"),
        _read(metrics, schemas.METRICS),
        tables.read_published(published, not_run),
        files.read_json(settings),
        stated=_read(facts, schemas.FACTS),
    )
    files.write_table(output, table, schemas.TABLE)
    counts = table["verdict"].combine_chunks().value_counts().to_pylist()
    verdicts = ", ".join(f"{entry['counts']} {entry['values'] or 'with nothing to compare'}" for entry in counts)
    say(f"table {name}: {table.num_rows} figures ({verdicts})")


def _read(paths: list[Path] | None, schema: pa.Schema) -> pa.Table:
    """Rows of some stage files, which may be none."""
    return files.read_tables(paths, schema.names) if paths else schema.empty_table()
