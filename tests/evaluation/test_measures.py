"""A row a group and metric with its interval."""

import re

import pyarrow as pa
import pytest

from cirque.errors import CirqueError
from cirque.evaluation.measures import Resampling, measure
from cirque.store import schemas


def rankings(ranks, groups=None, subset_rank=1):
    rows = [
        {
            "query_id": f"q{i}",
            "group": groups[i] if groups else None,
            "target_ranks": of_query,
            "subset_rank": subset_rank,
        }
        for i, of_query in enumerate(ranks)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.RANKINGS)


def measured(table, *metrics):
    return measure(table, list(metrics), Resampling(200, 0, 0.95), "the rankings")


def test_a_row_a_metric_in_the_order_asked():
    rows = measured(rankings([[1], [4], [9], [2]]), "R@5", "R_subset@1", "R@1")
    assert [(row["metric"], row["value"], row["n_queries"]) for row in rows] == [
        ("R@5", 75.0, 4), ("R_subset@1", 100.0, 4), ("R@1", 25.0, 4),
    ]  # fmt: skip
    assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in rows)
    assert {row["group"] for row in rows} == {""}


def test_each_group_is_measured_by_itself_and_the_average_is_the_plain_mean_of_groups():
    rows = measured(rankings([[1], [9], [1]], groups=["shirt", "dress", "shirt"]), "R@1")
    assert [(row["group"], row["value"], row["n_queries"]) for row in rows] == [
        ("dress", 0.0, 1),
        ("shirt", 100.0, 2),
        ("Average", 50.0, 3),
    ]


def test_the_average_is_surer_than_its_groups():
    table = rankings([[1], [9]] * 60, groups=["shirt", "shirt", "dress", "dress", "toptee", "toptee"] * 20)
    widths = {row["group"]: row["ci_high"] - row["ci_low"] for row in measured(table, "R@1")}
    of_groups = [widths[name] for name in ("dress", "shirt", "toptee")]
    assert widths["Average"] == pytest.approx(sum(width**2 for width in of_groups) ** 0.5 / 3, rel=0.15)


def test_equal_rankings_give_equal_figures():
    table = rankings([[i % 13 + 1] for i in range(100)])
    assert measured(table, "R@1", "R@5") == measured(table, "R@1", "R@5")


@pytest.mark.parametrize(
    ("ranks", "metric", "words"),
    [
        ([[1]], "R@x", "no metric is called 'R@x'"),
        ([[1]], "R_subset@1", "R_subset@1 applies to no query"),
        ([[1]], "mAP@5[negation]", r"mAP@5[negation] applies to no query"),
    ],
)
def test_what_cannot_be_measured_is_refused(ranks, metric, words):
    with pytest.raises(CirqueError, match=re.escape(words)):
        measured(rankings(ranks, subset_rank=None), metric)
