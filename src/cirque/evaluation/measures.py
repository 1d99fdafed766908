"""Every metric of one ranking, in percent, with bootstrap intervals over its queries.

measure(rankings, ["R@10", "mAP@5"], Resampling(10_000, seed=0, level=0.95))  # rows of schemas.METRICS
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cirque.errors import CirqueError
from cirque.evaluation import bootstrap
from cirque.evaluation.metrics import mean, per_query

#: Columns of one figure.
FIGURES = ("metric", "value", "ci_low", "ci_high")


@dataclass(frozen=True)
class Resampling:
    """How intervals are drawn."""

    resamples: int  # how often the queries are drawn anew
    bootstrap_seed: int  # one for all runs, so that runs compare resample by resample
    level: float  # of the interval, 0.95


def measure(rankings: pa.Table, metrics: list[str], resampling: Resampling, source: str) -> list[dict[str, Any]]:
    """One row a group of queries and metric; of several groups also their plain mean.

    Args:
        rankings: rows of schemas.RANKINGS whose ground truths are known.
        metrics: names such as R@10, R_subset@1, mAP@5, mAP@10[negation].
        resampling: of the intervals.
        source: of the rankings, for messages.

    Returns:
        Rows with group, metric, value, ci_low, ci_high and n_queries.

    Raises:
        CirqueError: a metric applies to no query.
    """
    measured = {group: _measured(of_group, metrics, source) for group, of_group in _groups(rankings)}
    means = {
        group: bootstrap.resampled_means(
            values, resampling.resamples, bootstrap.group_seed(resampling.bootstrap_seed, group)
        )
        for group, values in measured.items()
    }
    figures = {group: (len(values), mean(values), means[group]) for group, values in measured.items()}
    if len(figures) > 1:
        # The resamples of two groups are independent of each other, so those of their mean are theirs together.
        average = np.mean([mean(values) for values in measured.values()], axis=0)
        figures[bootstrap.AVERAGE] = (rankings.num_rows, average, np.mean(list(means.values()), axis=0))
    rows: list[dict[str, Any]] = []
    for group, (n_queries, values, resampled) in figures.items():
        low, high = bootstrap.ends(resampled, resampling.level)
        of_metrics = zip(metrics, values.tolist(), low.tolist(), high.tolist(), strict=True)
        common = {"group": group, "n_queries": n_queries}
        rows += [{**common, **dict(zip(FIGURES, figure, strict=True))} for figure in of_metrics]
    return rows


def _groups(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows of each group, groups in order of name."""
    names = [name or "" for name in table["group"].to_pylist()]
    order = sorted(range(len(names)), key=lambda i: names[i])  # stable: queries keep their order
    return [(name, table.take(list(of_name))) for name, of_name in groupby(order, key=lambda i: names[i])]


def _measured(rankings: pa.Table, names: list[str], source: str) -> npt.NDArray[np.float64]:
    """Value of each metric for each query of a group; a metric that applies to no query is refused."""
    values = per_query(rankings, names)
    for name, column in zip(names, values.T, strict=True):
        if np.isnan(column).all():
            raise CirqueError(f"{source}: {name} applies to no query: this benchmark has no such subset or tag")
    return values
