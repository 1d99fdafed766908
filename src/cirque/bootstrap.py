"""Percentile intervals by bootstrap over queries (Efron 1979).

Every metric of a run, and every run over the same queries, sees the same resamples: differences between two methods can
be taken resample by resample.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

#: Draws held at once: 2²² of them, as integers and as counts, are under 100 MB.
_DRAWS_AT_ONCE = 2**22


def interval(
    values: npt.NDArray[np.float64], resamples: int, seed: int, level: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Interval of the mean of each column.

    Args:
        values: one row a query [n_queries, n_metrics]; NaN where a metric does not apply to a query.
        resamples: how often the queries are drawn anew, with replacement.
        seed: of the draws.
        level: share of the resampled means inside the interval, 0.95.

    Returns:
        Lower and upper ends [n_metrics], NaN for a metric that applies to no query.
    """
    applies = np.isfinite(values)
    some = applies.any(axis=0)
    sums = np.where(applies, values, 0.0)
    means = np.empty((resamples, values.shape[1]))
    for start, counts in _counts(len(values), resamples, seed):
        n_drawn = len(values) if applies.all() else counts @ applies.astype(np.float64)
        with np.errstate(invalid="ignore"):  # a resample without one query of a rare tag has no mean
            means[start : start + len(counts)] = (counts @ sums) / n_drawn
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    ends = [(1 - level) / 2, (1 + level) / 2]
    # A product of matrices may differ in its last bits between two machines' kernels; a percentage needs none of them.
    low[some], high[some] = np.nanquantile(means[:, some], ends, axis=0).round(9)
    return low, high


def _counts(n_queries: int, resamples: int, seed: int) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """Yield (first resample, how often each query was drawn [chunk, n_queries])."""
    generator = np.random.Generator(np.random.PCG64(seed))
    chunk = max(1, _DRAWS_AT_ONCE // n_queries)
    for start in range(0, resamples, chunk):
        n = min(chunk, resamples - start)
        draws = generator.integers(0, n_queries, size=(n, n_queries), dtype=np.uint32)
        # One histogram for all resamples of the chunk: each has its own stretch of n_queries bins.
        draws += np.arange(n, dtype=np.uint32)[:, None] * np.uint32(n_queries)
        yield start, np.bincount(draws.ravel(), minlength=n * n_queries).reshape(n, n_queries).astype(np.float64)
