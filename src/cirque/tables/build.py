"""A paper's table is one SQL query over the metrics, the published figures and the configuration.

This module gives the query its views; the query itself stands in workflow/tables/.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from cirque.errors import CirqueError
from cirque.facts import rows as facts
from cirque.store import provenance, schemas

#: The macros that lay published figures beside ours.
MACROS = Path(__file__).with_suffix(".sql")

_POSITION = pa.field("position", pa.int32())
_PUBLISHED = schemas.PUBLISHED.append(_POSITION).append(pa.field("why_not", pa.string()))

#: Columns of the file that says why rows of the papers are not run.
NOT_RUN = ("paper", "row", "why_not")

_VIEWS = {
    "backbones": pa.schema(
        [("model", pa.string()), ("stands_for", pa.string()), ("missing", pa.string()), ("position", pa.int32())]
    ),
    "methods": pa.schema(
        [
            ("method", pa.string()),
            ("label", pa.string()),
            ("bound", pa.bool_()),
            ("run", pa.bool_()),
            ("is_composed", pa.bool_()),
            ("missing", pa.string()),
            ("position", pa.int32()),
        ]
    ),
    "benchmarks": pa.schema(
        [
            ("benchmark", pa.string()),
            ("dataset", pa.string()),
            ("printed_as", pa.string()),
            ("split", pa.string()),
            ("answers", pa.string()),
            ("beside_papers", pa.bool_()),
            ("missing", pa.string()),
            ("training_missing", pa.string()),
            ("position", pa.int32()),
        ]
    ),
    "benchmark_metrics": pa.schema([("benchmark", pa.string()), ("metric", pa.string()), ("position", pa.int32())]),
    "settings": pa.schema(
        [
            ("name", pa.string()),
            ("scale", pa.string()),
            ("comparable", pa.bool_()),
            ("reason", pa.string()),
            ("tolerance", pa.float64()),
        ]
    ),
}


def read_published(paths: Sequence[Path], not_run: Path | None = None) -> pa.Table:
    """Read the papers' numbers (schemas.PUBLISHED), number their lines as they stand, and say why some are not run.

    Args:
        paths: files of schemas.PUBLISHED.
        not_run: file of the columns NOT_RUN, a line for each row of a paper that cirque leaves out on purpose.

    Raises:
        CirqueError: a column is missing or a figure is no number; names file and line. Or a reason is given for a row
            that no figure has, or that a method of ours stands beside.
    """
    rows: list[dict[str, Any]] = []
    for path in paths:
        provenance.read(path)
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if reader.fieldnames != schemas.PUBLISHED.names:
                raise CirqueError(f"{path}: its columns must be {', '.join(schemas.PUBLISHED.names)}")
            for row in reader:
                try:
                    figures = {name: float(row[name]) if row[name] else None for name in ("value", "std")}
                except ValueError as error:
                    raise CirqueError(f"{path}: line {reader.line_num}: {error}") from error
                rows.append({**row, **figures, "position": len(rows), "why_not": ""})
    if not_run is not None:
        _say_why_not(rows, not_run)
    return pa.Table.from_pylist(rows, schema=_PUBLISHED)


def _say_why_not(rows: Sequence[dict[str, Any]], source: Path) -> None:
    """Enter the reasons of a file into the rows that they are about."""
    provenance.read(source)
    with source.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != NOT_RUN:
            raise CirqueError(f"{source}: its columns must be {', '.join(NOT_RUN)}")
        for reason in reader:
            where = f"{source}: line {reader.line_num}"
            about = [row for row in rows if (row["paper"], row["row"]) == (reason["paper"], reason["row"])]
            if not about or not reason["why_not"]:
                raise CirqueError(f"{where}: {reason['paper']} prints no row {reason['row']!r}, or the reason is empty")
            if any(row["method"] for row in about):
                raise CirqueError(f"{where}: {reason['row']!r} has a method of ours; take it out of one of the files")
            for row in about:
                row["why_not"] = reason["why_not"]


def configuration_views(config: Mapping[str, Any], table: str) -> dict[str, pa.Table]:
    """What a configuration says of a table's backbones, methods and benchmarks, and of comparability, as tables.

    Raises:
        CirqueError: it has no such table.
    """
    if table not in config["tables"]:
        raise CirqueError(f"no table is called {table!r}; there are {', '.join(config['tables'])}")
    run = config["tables"][table]

    def missing(section: str, name: str) -> str | None:
        """Why the data at hand do not allow a part of the configuration."""
        reason: str | None = (config.get("missing") or {}).get(section, {}).get(name)
        return reason

    rows: dict[str, list[dict[str, Any]]] = {
        "backbones": [
            {
                "model": name,
                "stands_for": config["backbones"][name]["stands_for"],
                "missing": missing("backbones", name),
            }
            for name in run["backbones"]
        ],
        "methods": [
            {
                "method": name,
                "label": entry["label"],
                "bound": bool(entry.get("bound")),
                "run": name in run["methods"],
                "is_composed": "composition" in entry,
                "missing": missing("methods", name),
            }
            for name, entry in config["methods"].items()
        ],
        "benchmarks": [
            {
                "benchmark": name,
                "beside_papers": True,
                **config["benchmarks"][name],
                "missing": missing("benchmarks", name),
                "training_missing": missing("trainings", config["benchmarks"][name].get("training", "")),
            }
            for name in run["benchmarks"]
        ],
        "benchmark_metrics": [
            {"benchmark": name, "metric": metric}
            for name in run["benchmarks"]
            for metric in config["benchmarks"][name]["metrics"]
        ],
        "settings": [
            {
                "name": table,
                "scale": config["scale"],
                "comparable": config["comparable"],
                "reason": config["not_comparable_because"],
                "tolerance": config["tolerance"],
            }
        ],
    }
    return {
        name: pa.Table.from_pylist([{"position": i, **row} for i, row in enumerate(rows[name])], schema=schema)
        for name, schema in _VIEWS.items()
    }


def build(
    table: str,
    sql: str,
    metrics: pa.Table,
    published: pa.Table,
    config: Mapping[str, Any],
    *,
    stated: pa.Table | None = None,
) -> pa.Table:
    """Run a table's query.

    Args:
        table: its name in the configuration.
        sql: the query; it must give the columns of `schemas.TABLE` and order its rows.
        metrics: rows of `schemas.METRICS`.
        published: what `read_published` gave.
        config: with the keys of config/config.yaml.
        stated: rows of `schemas.FACTS`, if the table has any.

    Returns:
        Rows of `schemas.TABLE`; equal arguments give equal rows in equal order.

    Raises:
        CirqueError: the query does not run, or gives other columns, or a fact is stated twice.
    """
    views = {
        "metrics": metrics,
        "published": published,
        "facts": _numbered(schemas.FACTS.empty_table() if stated is None else stated),
        **configuration_views(config, table),
    }
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        for name, view in views.items():
            connection.register(name, view)
        connection.execute(MACROS.read_text(encoding="utf-8"))
        try:
            rows = connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise CirqueError(f"the table's query does not run: {error}") from error
    if rows.column_names != schemas.TABLE.names:
        raise CirqueError(f"the table's query must give the columns {', '.join(schemas.TABLE.names)}")
    return rows.cast(schemas.TABLE)


def _numbered(stated: pa.Table) -> pa.Table:
    """Facts with their position, each stated once."""
    facts.require_once(stated.to_pylist())
    return stated.append_column(_POSITION, pa.array(range(stated.num_rows), pa.int32()))
