"""Metrics of one ranking, in percent, with bootstrap intervals over its queries."""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cirque.errors import CirqueError
from cirque.evaluation import bootstrap
from cirque.evaluation.metrics import MACROS, has_answers, mean, per_query
from cirque.progress import say
from cirque.store import files, provenance, schemas

#: Columns of one figure.
FIGURES = ("metric", "value", "ci_low", "ci_high")


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
    """Write one row a group of queries and metric (schemas.METRICS); of several groups also their plain mean.

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
    if not has_answers(table, metrics):
        say(f"{benchmark}: the answers of {split} are hidden, so nothing is measured; its server scores the submission")
    else:
        run = {"benchmark": benchmark, "split": split, "backbone": backbone, "method": method, "seed": seed}
        measured = {group: _measured(of_group, metrics, rankings) for group, of_group in _groups(table)}
        means = {
            group: bootstrap.resampled_means(values, resamples, bootstrap.group_seed(bootstrap_seed, group))
            for group, values in measured.items()
        }
        figures = {group: (len(values), mean(values), means[group]) for group, values in measured.items()}
        if len(figures) > 1:
            # The resamples of two groups are independent of each other, so those of their mean are theirs together.
            average = np.mean([mean(values) for values in measured.values()], axis=0)
            figures[bootstrap.AVERAGE] = (table.num_rows, average, np.mean(list(means.values()), axis=0))
        for group, (n_queries, values, resampled) in figures.items():
            low, high = bootstrap.ends(resampled, level)
            of_metrics = zip(metrics, values.tolist(), low.tolist(), high.tolist(), strict=True)
            common = {**run, "group": group, "n_queries": n_queries}
            rows += [{**common, **dict(zip(FIGURES, figure, strict=True))} for figure in of_metrics]
    files.write_rows(output, rows, schemas.METRICS)


def _groups(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows of each group, groups in order of name."""
    names = [name or "" for name in table["group"].to_pylist()]
    order = sorted(range(len(names)), key=lambda i: names[i])  # stable: queries keep their order
    return [(name, table.take(list(of_name))) for name, of_name in groupby(order, key=lambda i: names[i])]


def _measured(rankings: pa.Table, names: list[str], source: Path) -> npt.NDArray[np.float64]:
    """Value of each metric for each query of a group; a metric that applies to no query is refused."""
    values = per_query(rankings, names)
    for name, column in zip(names, values.T, strict=True):
        if np.isnan(column).all():
            raise CirqueError(f"{source}: {name} applies to no query: this benchmark has no such subset or tag")
    return values
