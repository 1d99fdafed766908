"""Metrics of a ranking: names like `R@10` become one SQL query through the macros of metrics.sql.

    R@K            any ground truth among the best K
    R_all@K        share of all ground truths among the best K, 0 where there is none (ImageNet-R)
    R_target@K     the single target among the best K (CIRCO's recall)
    R_subset@K     the target among the best K of its image set (CIRR)
    mAP@K          mean average precision at K
    accuracy       the best candidate is right
    NAME[tag]      any of these over the queries that carry a tag: mAP@10[negation]

All are in percent. There is no second implementation: what a table prints, DuckDB gives for the same macro.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cirque.errors import CirqueError

#: The SQL macros, which results/cirque.duckdb carries too.
MACROS = Path(__file__).with_name("metrics.sql")

_NAME = re.compile(r"(?:(?P<kind>R|R_all|R_target|R_subset|mAP)@(?P<k>[1-9]\d*)|accuracy)(?:\[(?P<tag>[^\[\]]+)\])?")

_CALLS = {
    "R": "recall_at(target_ranks, {k})",
    "R_all": "recall_of_all_at(target_ranks, {k})",
    "R_target": "target_recall_at(target_ranks, {k})",
    "R_subset": "subset_recall_at(subset_rank, {k})",
    "mAP": "average_precision_at(target_ranks, {k})",
}


def expression(name: str) -> str:
    """SQL of a metric over the columns of a ranking: `R@10` → `recall_at(target_ranks, 10)`.

    Raises:
        CirqueError: no metric has that name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        known = ", ".join(f"{kind}@K" for kind in _CALLS)
        raise CirqueError(f"no metric is called {name!r}; there are {known}, accuracy, and each with [tag] behind it")
    call = _CALLS[match["kind"]].format(k=match["k"]) if match["kind"] else "accuracy(target_ranks)"
    if match["tag"] is None:
        return call
    tag = match["tag"].replace("'", "''")
    return f"CASE WHEN list_contains(tags, '{tag}') THEN {call} END"


def per_query(rankings: pa.Table, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Value of each metric for each query, in percent [n_queries, n_metrics]; NaN where it does not apply.

    Args:
        rankings: rows of `schemas.RANKINGS`.
        names: metrics.
    """
    columns = ", ".join(f"100 * {expression(name)} AS m{i}" for i, name in enumerate(names))
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")  # the order of rows is the order of queries
        connection.execute(MACROS.read_text(encoding="utf-8"))
        connection.register("rankings", rankings)
        values = connection.sql(f"SELECT {columns} FROM rankings").to_arrow_table()
    return np.column_stack([column.to_numpy(zero_copy_only=False).astype(np.float64) for column in values.columns])


def mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean of each column over the queries to which it applies; NaN where there is none [n_metrics]."""
    applies = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(applies, values, 0.0).sum(axis=0) / applies.sum(axis=0))


def has_answers(rankings: pa.Table, names: Sequence[str] = ()) -> bool:
    """Whether the ground truths are known; for a hidden split they are not.

    Args:
        rankings: rows of `schemas.RANKINGS`.
        names: metrics to compute. R_all@K counts a query without ground truth, where all others have no value for it.

    Raises:
        CirqueError: they are known for some queries only.
    """
    lengths = rankings["target_ranks"].combine_chunks().value_lengths().to_numpy(zero_copy_only=False)
    known = int(np.count_nonzero(lengths))
    tolerant = bool(names) and all(name.startswith("R_all@") for name in names)
    if 0 < known < len(lengths) and not tolerant:
        first = rankings["query_id"][int(np.flatnonzero(lengths == 0)[0])].as_py()
        raise CirqueError(f"{len(lengths) - known} of {len(lengths)} queries have no ground truth (first: {first})")
    return known > 0
