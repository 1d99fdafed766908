"""Percentile intervals by bootstrap over queries (Efron 1979).

Every metric of a run, and every run over the same queries, sees the same resamples: differences between two methods can
be taken resample by resample.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cirque import draws

#: The group of the plain mean over groups, as the papers print it.
AVERAGE = "Average"

#: Draws held at once: 2²² of them, as integers and as counts, are under 100 MB.
_DRAWS_AT_ONCE = 2**22


def group_seed(seed: int, group: str) -> int:
    """Seed of a group's draws: groups are independent of each other, and queries of no group have the seed itself."""
    return draws.seed_of(seed, "bootstrap", group) if group else seed


def resampled_means(values: npt.NDArray[np.float64], resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Mean of each column in every resample [resamples, n_metrics].

    Args:
        values: one row a query [n_queries, n_metrics]; NaN where a metric does not apply to a query.
        resamples: how often the queries are drawn anew, with replacement.
        seed: of the draws.

    Returns:
        NaN where no drawn query has the metric.
    """
    applies = np.isfinite(values)
    sums = np.where(applies, values, 0.0)
    means = np.empty((resamples, values.shape[1]))
    for start, counts in _counts(len(values), resamples, seed):
        n_drawn = len(values) if applies.all() else counts @ applies.astype(np.float64)
        with np.errstate(invalid="ignore"):  # a resample without one query of a rare tag has no mean
            means[start : start + len(counts)] = (counts @ sums) / n_drawn
    return means


def ends(means: npt.NDArray[np.float64], level: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper ends of the interval that holds the share `level` of each column; NaN for a column of NaN."""
    low, high = np.full(means.shape[1], np.nan), np.full(means.shape[1], np.nan)
    some = np.isfinite(means).any(axis=0)
    shares = [(1 - level) / 2, (1 + level) / 2]
    # A product of matrices may differ in its last bits between two machines' kernels; a percentage needs none of them.
    low[some], high[some] = np.nanquantile(means[:, some], shares, axis=0).round(9)
    return low, high


def _counts(n_queries: int, resamples: int, seed: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Yield (first resample, how often each query was drawn [chunk, n_queries])."""
    generator = np.random.Generator(np.random.PCG64(seed))
    chunk = max(1, _DRAWS_AT_ONCE // n_queries)
    for start in range(0, resamples, chunk):
        n = min(chunk, resamples - start)
        drawn = generator.integers(0, n_queries, size=(n, n_queries), dtype=np.uint32)
        # One histogram for all resamples of the chunk: each has its own stretch of n_queries bins.
        drawn += np.arange(n, dtype=np.uint32)[:, None] * np.uint32(n_queries)
        yield start, np.bincount(drawn.ravel(), minlength=n * n_queries).reshape(n, n_queries).astype(np.float64)
