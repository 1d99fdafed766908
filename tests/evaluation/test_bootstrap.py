"""Bootstrap intervals: about their value, the same each time, shared by all metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.evaluation import bootstrap

RESAMPLES = 400


def interval(values, seed=0, resamples=RESAMPLES):
    means = bootstrap.resampled_means(np.asarray(values, dtype=np.float64), resamples, seed)
    return bootstrap.ends(means, 0.95)


@settings(max_examples=60, deadline=None)
@given(hits=st.lists(st.booleans(), min_size=1, max_size=80))
def test_an_interval_contains_its_value(hits):
    values = 100.0 * np.asarray(hits)[:, None]
    low, high = interval(values)
    assert low[0] <= values.mean() + 1e-9
    assert high[0] >= values.mean() - 1e-9


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not():
    values = np.random.default_rng(0).random((200, 3))
    np.testing.assert_array_equal(interval(values), interval(values))
    assert (interval(values)[0] != interval(values, seed=1)[0]).any()


def test_chunks_change_nothing(monkeypatch):
    """Metrics see the same resamples however many are drawn at once."""
    values = np.random.default_rng(0).random((50, 2))
    whole = interval(values)
    monkeypatch.setattr(bootstrap, "_DRAWS_AT_ONCE", 70)
    np.testing.assert_allclose(interval(values), whole)


def test_all_metrics_share_the_resamples():
    column = np.random.default_rng(0).random((100, 1))
    low, high = interval(np.hstack([column, column, 2 * column]))
    assert low[0] == low[1]
    assert 2 * high[0] == pytest.approx(high[2])


def test_a_share_of_hits_has_the_width_of_its_binomial():
    """30 % of 1,000: standard error 1.449 points."""
    values = 100.0 * (np.arange(1000) < 300)[:, None]
    low, high = interval(values, resamples=10_000)
    assert (high[0] - low[0]) / 2 == pytest.approx(1.96 * 1.449, rel=0.04)


def test_each_query_is_drawn_as_often_as_there_are_queries():
    for _, counts in bootstrap._counts(7, 20, 0):
        assert (counts.sum(axis=1) == 7).all()


def test_queries_to_which_a_metric_does_not_apply_do_not_count():
    values = np.full((60, 2), np.nan)
    values[:40, 0] = 50.0
    low, high = interval(values)
    assert (low[0], high[0]) == (50.0, 50.0)
    assert np.isnan([low[1], high[1]]).all()


def test_a_single_query_has_no_spread():
    low, high = interval([[100.0]])
    assert (low[0], high[0]) == (100.0, 100.0)
