"""Whether two methods differ: paired bootstrap, permutation test by sign flips, Holm's correction.

    differences = {"": metrics.per_query(of_searle, names) - metrics.per_query(of_lincir, names)}
    low, high = significance.interval(differences, resamples=10_000, seed=0, level=0.95)
    p = significance.p_values(differences, resamples=10_000, seed=0)
    adjusted = significance.holm(p)

Both methods answer the same queries, so everything is a function of the difference within each query. Differences come
by group (the categories of FashionIQ). The statistic is the plain mean over groups of the mean over a group's queries:
with one group its mean, with several the `Average` of the papers, whose queries are resampled within their group.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from cirque import draws
from cirque.errors import CirqueError
from cirque.evaluation import bootstrap, metrics

Floats = npt.NDArray[np.float64]

#: Up to so many queries that differ, all 2¹⁶ signs are gone through and p is exact.
MOST_ENUMERATED = 16

#: Signs held at once: 2²² of them, as bytes and as floats, are under 40 MB.
_SIGNS_AT_ONCE = 2**22

#: Sums of the same numbers with other signs may miss a tie by rounding: by less than this share of all of them.
_ROUNDING = 1e-12


def compare(
    values: Mapping[str, Mapping[str, Floats]], names: Sequence[str], *, resamples: int, seed: int, level: float
) -> list[dict[str, Any]]:
    """Test each pair of methods on each group of queries and, if there are several, on their average.

    Args:
        values: of the same queries in the same order: group → method → [n_queries of the group, n_metrics] in percent;
            NaN where a metric does not apply to a query.
        names: of the metrics.
        resamples: as in `interval` and `p_values`.
        seed: of the draws.
        level: of the intervals.

    Returns:
        Rows of `schemas.COMPARISONS` without benchmark, backbone and adjusted p: pair after pair, group after group.

    Raises:
        CirqueError: a metric applies to no query of a group.
    """
    pairs = list(combinations(next(iter(values.values())), 2))
    subsets = {group: [group] for group in values} | ({bootstrap.AVERAGE: list(values)} if len(values) > 1 else {})
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {pair: [] for pair in pairs}
    for subset, groups in subsets.items():
        # All pairs side by side [n_queries, n_pairs × n_metrics]: they share every draw, which is made once.
        differences = {group: np.hstack([values[group][a] - values[group][b] for a, b in pairs]) for group in groups}
        _require_some(differences, [*names] * len(pairs))
        means = {method: mean({group: values[group][method] for group in groups}) for method in values[groups[0]]}
        n_queries = np.sum([np.isfinite(of_group).sum(axis=0) for of_group in differences.values()], axis=0)
        low, high = interval(differences, resamples, seed, level)
        p = p_values(differences, resamples, seed)
        cells = iter(zip(n_queries.tolist(), low.tolist(), high.tolist(), p.tolist(), strict=True))
        for a, b in pairs:
            for name, value_a, value_b in zip(names, means[a].tolist(), means[b].tolist(), strict=True):
                row = {"group": subset, "metric": name, "method_a": a, "method_b": b, "value_a": value_a}
                tested = dict(zip(("n_queries", "ci_low", "ci_high", "p_value"), next(cells), strict=True))
                rows[a, b].append({**row, "value_b": value_b, "difference": value_a - value_b, **tested})
    return [row for of_pair in rows.values() for row in of_pair]


def mean(groups: Mapping[str, Floats]) -> Floats:
    """Plain mean over groups of the mean over a group's queries [n_columns].

    Args:
        groups: values or differences of each query, by group [n_queries of the group, n_columns]; NaN where a metric
            does not apply to a query.

    Raises:
        CirqueError: a column applies to no query of a group.
    """
    _require_some(groups)
    return np.asarray(np.mean([metrics.mean(values) for values in groups.values()], axis=0))


def interval(groups: Mapping[str, Floats], resamples: int, seed: int, level: float) -> tuple[Floats, Floats]:
    """Percentile interval of the difference by paired bootstrap (Efron 1979): both methods see the same resamples.

    They are also those of `cirque metrics`, where each group is resampled by itself (stratified).

    Args:
        groups: differences within each query, as in `mean`.
        resamples: how often the queries are drawn anew, with replacement.
        seed: of the draws.
        level: share of the resampled differences inside the interval, 0.95.

    Returns:
        Lower and upper ends [n_columns].

    Raises:
        CirqueError: a column applies to no query of a group.
    """
    _require_some(groups)
    means = [
        bootstrap.resampled_means(values, resamples, bootstrap.group_seed(seed, group))
        for group, values in groups.items()
    ]
    return bootstrap.ends(np.mean(means, axis=0), level)


def p_values(groups: Mapping[str, Floats], resamples: int, seed: int) -> Floats:
    """Two-sided permutation test of each column: were it all the same which method is which, the signs would be random.

    The methods of each query are exchanged at random, which flips the sign of its difference (Fisher 1935, §21). Where
    at most `MOST_ENUMERATED` queries differ, all exchanges are gone through. Otherwise the observed one counts as one
    of those drawn, so that p = (1 + those at least as far from 0) / (1 + resamples) is valid and never 0 (Phipson and
    Smyth 2010). All columns see the same exchanges.

    Args:
        groups: differences within each query, as in `mean`.
        resamples: how many exchanges of all queries are drawn.
        seed: of the draws.

    Returns:
        p of each column [n_columns], in (0, 1].

    Raises:
        CirqueError: a column applies to no query of a group.
    """
    _require_some(groups)
    shares = _shares(groups)
    p = np.empty(shares.shape[1])
    is_drawn = np.count_nonzero(shares, axis=0) > MOST_ENUMERATED
    for column in np.flatnonzero(~is_drawn):
        differing = shares[:, column]
        p[column] = _exact_p(differing[differing != 0])
    if is_drawn.any():
        p[is_drawn] = _drawn_p(shares[:, is_drawn], resamples, seed)
    return p


def holm(p: Floats) -> Floats:
    """Adjust p for the number of tests: below α, the chance of one false rejection among all is below α (Holm 1979).

    The i-th smallest of m is multiplied by m − i + 1, is at least the one before it and at most 1.

    Args:
        p: of all tests of one family [m].

    Returns:
        Adjusted p in the order given [m].
    """
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def _require_some(groups: Mapping[str, Floats], names: Sequence[str] | None = None) -> None:
    """Refuse a column without a query in some group: it has no mean."""
    for group, values in groups.items():
        empty = np.flatnonzero(~np.isfinite(values).any(axis=0))
        if len(empty):
            name = names[empty[0]] if names else f"column {empty[0] + 1}"
            where = f" of group {group}" if group else ""
            raise CirqueError(f"{name} applies to no query{where}: there is no such subset or tag; leave it out")


def _shares(groups: Mapping[str, Floats]) -> Floats:
    """What each query adds to the difference, group after group [n_queries, n_columns].

    It is 0 where a metric does not apply. The shares sum to the difference, and exchanging a query's methods flips the
    sign of its share, whatever its group.
    """
    shares = []
    for values in groups.values():
        applies = np.isfinite(values)
        shares.append(np.where(applies, values, 0.0) / applies.sum(axis=0) / len(groups))
    return np.concatenate(shares)


def _threshold(shares: Floats) -> Floats:
    """What the size of an exchanged difference must reach to count as at least the observed one, rounding aside."""
    return np.asarray(np.abs(shares.sum(axis=0)) - _ROUNDING * np.abs(shares).sum(axis=0))


def _exact_p(shares: Floats) -> float:
    """Share of all signs of [n] that give at least the observed size; the first sign may stay, as sizes have none."""
    if not len(shares):
        return 1.0
    n_signs = 1 << (len(shares) - 1)
    flipped = (np.arange(n_signs)[:, None] >> np.arange(len(shares))) & 1
    sizes: Floats = np.abs((1.0 - 2.0 * flipped) @ shares)
    return int((sizes >= _threshold(shares)).sum()) / n_signs


def _drawn_p(shares: Floats, resamples: int, seed: int) -> Floats:
    """P of each column of [n_queries, n_columns] by random signs."""
    threshold, total = _threshold(shares), shares.sum(axis=0)
    as_far = np.zeros(shares.shape[1], dtype=np.int64)
    for kept in _kept(len(shares), resamples, seed):
        as_far += np.count_nonzero(np.abs(2.0 * (kept @ shares) - total) >= threshold, axis=0)
    return np.asarray((1 + as_far) / (1 + resamples))


def _kept(n_queries: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield whether each query keeps its sign, 1 or 0, with equal chances [chunk, n_queries]."""
    generator = draws.generator(seed, "sign flips")
    # Whole words for each resample: the bits of a resample do not depend on how many are drawn at once.
    n_words = -(-n_queries // 64)
    chunk = max(1, _SIGNS_AT_ONCE // n_queries)
    for start in range(0, resamples, chunk):
        n = min(chunk, resamples - start)
        words = generator.integers(0, 2**64, size=(n, n_words), dtype=np.uint64).astype("<u8")
        yield np.unpackbits(words.view(np.uint8), axis=1, count=n_queries).astype(np.float64)
