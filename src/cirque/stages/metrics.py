"""Metrics of one ranking, in percent, with bootstrap intervals over its queries."""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cirque import bootstrap, files, provenance, schemas
from cirque.errors import CirqueError
from cirque.metrics import MACROS, has_answers, mean, per_query
from cirque.progress import say


def main(
    *,
    rankings: Path,
    benchmark: str,
    split: str,
    backbone: str,
    method: str,
    seed: int,
    metrics: list[str],
    resamples: int,
    bootstrap_seed: int,
    level: float,
    output: Path,
) -> None:
    """Write one row a group of queries and metric (schemas.METRICS).

    A hidden split, whose ground truths its server alone knows, gets a table without rows.

    Args:
        rankings: rankings.parquet of one run.
        benchmark: as configured.
        split: of the data set.
        backbone: as configured.
        method: as configured.
        seed: of the run.
        metrics: names such as R@10, R_subset@1, mAP@5, mAP@10[negation].
        resamples: how often the queries are drawn anew for the interval.
        bootstrap_seed: of these draws; one for all runs, so that runs compare resample by resample.
        level: of the interval, 0.95.
        output: metrics.parquet.
    """
    table = files.read_table(rankings, schemas.RANKINGS.names)
    provenance.read(MACROS)
    rows: list[dict[str, Any]] = []
    if not table.num_rows:
        raise CirqueError(f"{rankings}: holds no query")
    if not has_answers(table):
        say(f"{benchmark}: the answers of {split} are hidden, so nothing is measured; its server scores the submission")
    else:
        run = {"benchmark": benchmark, "split": split, "backbone": backbone, "method": method, "seed": seed}
        for group, of_group in _groups(table):
            values = per_query(of_group, metrics)
            _require_some(values, metrics, rankings)
            low, high = bootstrap.interval(values, resamples, bootstrap_seed, level)
            figures = zip(metrics, mean(values).tolist(), low.tolist(), high.tolist(), strict=True)
            columns = ("metric", "value", "ci_low", "ci_high")
            common = {**run, "group": group, "n_queries": of_group.num_rows}
            rows += [{**common, **dict(zip(columns, figure, strict=True))} for figure in figures]
    files.write_rows(output, rows, schemas.METRICS)


def _groups(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows of each group, groups in order of name."""
    names = [name or "" for name in table["group"].to_pylist()]
    order = sorted(range(len(names)), key=lambda i: names[i])  # stable: queries keep their order
    return [(name, table.take(list(of_name))) for name, of_name in groupby(order, key=lambda i: names[i])]


def _require_some(values: npt.NDArray[np.float64], names: list[str], source: Path) -> None:
    """Refuse a metric that applies to no query."""
    for name, column in zip(names, values.T, strict=True):
        if np.isnan(column).all():
            raise CirqueError(f"{source}: {name} applies to no query: this benchmark has no such subset or tag")
