"""Significance: against scipy and brute force, symmetric under exchange, Holm by hand, groups averaged plainly."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cirque.errors import CirqueError
from cirque.evaluation import bootstrap, significance

N_QUERIES = 60
DRAWS = 20_000


def recalls(share, seed, n_queries=N_QUERIES):
    """Whether each query is answered, in percent."""
    return 100.0 * (np.random.default_rng(seed).random(n_queries) < share)


def precisions(lift, seed, n_queries=N_QUERIES):
    """Values without ties, such as average precisions."""
    return np.clip(100.0 * np.random.default_rng(seed).random(n_queries) + lift, 0, 100)


PAIRS = [
    (recalls(0.5, 1), recalls(0.35, 2)),
    (precisions(0, 3), precisions(5, 4)),
    (precisions(0, 3), precisions(0, 3) + np.random.default_rng(5).normal(1, 5, N_QUERIES)),
]


def differences(first, second):
    return {"": (first - second)[:, None]}


def mean_difference(first, second, axis=-1):
    return first.mean(axis=axis) - second.mean(axis=axis)


# ---- permutation test ----------------------------------------------------------------------------------------------


def error_of_draws(p):
    """Four standard errors between our p and scipy's, which doubles the smaller of two tails."""
    return 4 * np.sqrt((p * (1 - p) + p * (2 - p)) / DRAWS)


@pytest.mark.parametrize("pair", PAIRS)
def test_p_is_that_of_scipy_within_the_error_of_the_draws(pair):
    (p,) = significance.p_values(differences(*pair), DRAWS, 0)
    theirs = stats.permutation_test(
        pair, mean_difference, permutation_type="samples", vectorized=True, n_resamples=DRAWS, rng=0
    ).pvalue
    assert 0.001 < p < 0.999
    assert p == pytest.approx(theirs, abs=error_of_draws(p))


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from([-100.0, -100 / 3, 0.0, 0.1, 0.2, 0.3, 7.5, 100.0]), min_size=1, max_size=9))
def test_few_queries_that_differ_are_enumerated_like_brute_force(values):
    """Sums with ties: 0.1 + 0.2 is 0.3 here, whatever its last bit."""
    sums = [
        sum(s * v for s, v in zip(signs, values, strict=True))
        for signs in itertools.product([1, -1], repeat=len(values))
    ]
    expected = np.mean([abs(total) >= abs(sum(values)) - 1e-9 for total in sums])
    (p,) = significance.p_values({"": np.asarray(values)[:, None]}, 10, 0)
    assert p == expected


def test_an_exact_p_is_that_of_scipy():
    first, second = precisions(0, 3, 11), precisions(20, 4, 11)
    theirs = stats.permutation_test((first, second), mean_difference, permutation_type="samples", vectorized=True)
    assert theirs.null_distribution.size == 2**11
    assert significance.p_values(differences(first, second), 10, 0) == pytest.approx([theirs.pvalue])


def test_queries_that_do_not_differ_leave_p_exact():
    few = np.zeros((5000, 1))
    few[:16, 0] = 100.0
    assert significance.p_values({"": few}, 10, 0).tolist() == [2 / 2**16]


def test_a_drawn_p_agrees_with_the_exact_one(monkeypatch):
    values = {"": np.random.default_rng(0).normal(0.3, 1, (14, 4))}
    exact = significance.p_values(values, DRAWS, 0)
    monkeypatch.setattr(significance, "MOST_ENUMERATED", 0)
    drawn = significance.p_values(values, DRAWS, 0)
    assert (drawn != exact).all()
    np.testing.assert_allclose(drawn, exact, atol=4 * np.sqrt(0.25 / DRAWS))


def test_a_drawn_p_is_never_zero():
    assert significance.p_values({"": np.full((200, 1), 100.0)}, 999, 0).tolist() == [1 / 1000]


def test_ties_count_as_far_whatever_the_rounding():
    """17 equal differences and two of both signs: a third of a hundred has no exact sum."""
    values = np.asarray([100 / 3] * 17 + [100 / 7, -100 / 7])
    (p,) = significance.p_values({"": values[:, None]}, DRAWS, 0)
    (whole,) = significance.p_values({"": np.asarray([21.0] * 17 + [9.0, -9.0])[:, None]}, DRAWS, 0)
    assert p == whole


def test_p_is_about_uniform_where_methods_do_not_differ():
    values = np.random.default_rng(0).normal(0, 1, (100, 400))
    p = significance.p_values({"": values}, 999, 0)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_the_same_method_has_no_difference_and_p_one():
    same = {"": np.zeros((30, 2))}
    assert significance.p_values(same, 99, 0).tolist() == [1, 1]
    assert significance.mean(same).tolist() == [0, 0]
    low, high = significance.interval(same, 99, 0, 0.95)
    assert low.tolist() == high.tolist() == [0, 0]


def test_signs_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    whole = np.concatenate(list(significance._kept(70, 50, 0)))
    monkeypatch.setattr(significance, "_SIGNS_AT_ONCE", 210)
    np.testing.assert_array_equal(np.concatenate(list(significance._kept(70, 50, 0))), whole)
    assert set(np.unique(whole)) == {0.0, 1.0}
    assert whole.mean() == pytest.approx(0.5, abs=0.04)


# ---- interval ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", PAIRS)
def test_an_interval_is_that_of_scipy_within_the_error_of_the_draws(pair):
    low, high = significance.interval(differences(*pair), DRAWS, 0, 0.95)
    theirs = stats.bootstrap(
        pair, mean_difference, paired=True, vectorized=True, method="percentile", n_resamples=DRAWS, rng=0
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low[0] == pytest.approx(theirs.low, abs=0.02 * width)
    assert high[0] == pytest.approx(theirs.high, abs=0.02 * width)


def test_the_resamples_of_queries_without_groups_are_those_of_any_run():
    values = recalls(0.4, 0)[:, None]
    np.testing.assert_array_equal(
        significance.interval({"": values}, 500, 7, 0.9), bootstrap.ends(bootstrap.resampled_means(values, 500, 7), 0.9)
    )


def test_pairing_takes_out_what_both_methods_share():
    """Two methods that answer nearly the same queries: the difference is known far better than either value."""
    first = recalls(0.5, 0, 500)
    second = first.copy()
    second[:5] = 100.0 - second[:5]
    (low,), (high,) = significance.interval(differences(first, second), 2000, 0, 0.95)
    (alone_low,), (alone_high,) = bootstrap.ends(bootstrap.resampled_means(first[:, None], 2000, 0), 0.95)
    assert (high - low) < 0.3 * (alone_high - alone_low)


# ---- groups --------------------------------------------------------------------------------------------------------

GROUPS = {
    "dress": np.random.default_rng(1).normal(2, 30, (40, 1)),
    "shirt": np.random.default_rng(2).normal(-1, 10, (90, 1)),
    "toptee": np.random.default_rng(3).normal(8, 20, (60, 1)),
}


def test_an_average_is_the_plain_mean_over_groups_however_large():
    expected = np.mean([values.mean() for values in GROUPS.values()])
    assert significance.mean(GROUPS) == pytest.approx([expected])


def test_an_averages_interval_has_the_width_of_independent_groups():
    low, high = significance.interval(GROUPS, DRAWS, 0, 0.95)
    error = np.sqrt(sum(values.var() / len(values) for values in GROUPS.values())) / len(GROUPS)
    assert (high[0] - low[0]) / 2 == pytest.approx(1.96 * error, rel=0.03)
    assert (high[0] + low[0]) / 2 == pytest.approx(significance.mean(GROUPS)[0], abs=0.1 * error)


def test_groups_of_equal_values_are_resampled_apart():
    """One set of draws for all groups would make the average as uncertain as one group."""
    one = GROUPS["dress"]
    alone_low, alone_high = significance.interval({"a": one}, 4000, 0, 0.95)
    low, high = significance.interval({"a": one, "b": one, "c": one}, 4000, 0, 0.95)
    assert (high - low) == pytest.approx((alone_high - alone_low) / np.sqrt(3), rel=0.06)


def test_an_averages_p_is_that_of_scipy():
    def average(first, second, axis=-1):
        cuts = np.cumsum([len(values) for values in GROUPS.values()])[:-1]
        return sum(part.mean(axis=axis) for part in np.split(first - second, cuts, axis=axis)) / len(GROUPS)

    first = np.concatenate([values[:, 0] for values in GROUPS.values()])
    theirs = stats.permutation_test(
        (first, np.zeros_like(first)), average, permutation_type="samples", vectorized=True, n_resamples=DRAWS, rng=0
    ).pvalue
    (p,) = significance.p_values(GROUPS, DRAWS, 0)
    assert p == pytest.approx(theirs, abs=error_of_draws(p))


# ---- Holm ----------------------------------------------------------------------------------------------------------


def test_holm_by_hand():
    """Smallest first: 4 × 0.005, 3 × 0.01, 2 × 0.03, and 1 × 0.04, which may not be below the one before it."""
    assert significance.holm(np.asarray([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_passes_one_and_leaves_a_single_test_alone():
    assert significance.holm(np.asarray([0.6, 0.7, 1.0])).tolist() == [1, 1, 1]
    assert significance.holm(np.asarray([0.04])).tolist() == [0.04]


@settings(max_examples=60, deadline=None)
@given(p=st.lists(st.floats(1e-4, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(p):
    p = np.asarray(p)
    adjusted = significance.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


# ---- rows ----------------------------------------------------------------------------------------------------------


def compared(values, names=("R@1",), **changes):
    options = {"resamples": 500, "seed": 0, "level": 0.95} | changes
    return significance.compare(values, list(names), **options)


def test_exchanging_the_methods_exchanges_the_signs_alone():
    first, second = PAIRS[1]
    (row,) = compared({"": {"a": first[:, None], "b": second[:, None]}})
    (exchanged,) = compared({"": {"b": second[:, None], "a": first[:, None]}})
    assert row["difference"] == -exchanged["difference"] == row["value_a"] - row["value_b"]
    assert row["p_value"] == exchanged["p_value"] < 1
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((-exchanged["ci_high"], -exchanged["ci_low"]))
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_every_pair_is_tested_as_if_alone():
    values = {name: np.column_stack([recalls(0.3, i), precisions(i, i)]) for i, name in enumerate("abc")}
    rows = compared({"": values}, ["R@1", "mAP@5"])
    assert [(row["method_a"], row["method_b"], row["metric"]) for row in rows] == [
        (a, b, metric) for a, b in (("a", "b"), ("a", "c"), ("b", "c")) for metric in ("R@1", "mAP@5")
    ]
    alone = compared({"": {"a": values["a"], "c": values["c"]}}, ["R@1", "mAP@5"])
    figures = ("value_a", "value_b", "difference", "ci_low", "ci_high", "p_value")
    for row, expected in zip(rows[2:4], alone, strict=True):
        assert [row[key] for key in figures] == pytest.approx([expected[key] for key in figures])


def test_groups_are_followed_by_their_average():
    values = {group: {"a": of_group, "b": np.zeros_like(of_group)} for group, of_group in GROUPS.items()}
    rows = compared(values)
    assert [(row["group"], row["n_queries"]) for row in rows] == [
        ("dress", 40), ("shirt", 90), ("toptee", 60), ("Average", 190),
    ]  # fmt: skip
    assert rows[-1]["value_a"] == pytest.approx(np.mean([row["value_a"] for row in rows[:-1]]))


def test_queries_to_which_a_metric_does_not_apply_do_not_count():
    first, second = (values[:, None].copy() for values in PAIRS[0])
    padded = [np.concatenate([values, np.full((25, 1), np.nan)]) for values in (first, second)]
    (row,) = compared({"": {"a": first, "b": second}}, resamples=DRAWS)
    (same,) = compared({"": {"a": padded[0], "b": padded[1]}}, resamples=DRAWS)
    assert same["n_queries"] == row["n_queries"] == N_QUERIES
    assert same["difference"] == row["difference"]
    assert same["p_value"] == pytest.approx(row["p_value"], abs=0.02)


def test_a_metric_without_a_query_is_refused_by_name():
    values = np.column_stack([recalls(0.5, 0), np.full(N_QUERIES, np.nan)])
    with pytest.raises(CirqueError, match=r"mAP@5\[negation\] applies to no query of group dress"):
        compared({"dress": {"a": values, "b": values}}, ["R@1", "mAP@5[negation]"])
    with pytest.raises(CirqueError, match="column 2 applies to no query"):
        significance.p_values({"": values}, 10, 0)
