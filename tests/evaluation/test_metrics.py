"""Metrics: the SQL macros against their definitions, an independent library and the official CIRCO scorer's figures."""

import json

import ir_measures
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.errors import CirqueError
from cirque.evaluation import metrics
from cirque.store import schemas

RANKS = st.lists(st.integers(1, 60), min_size=1, max_size=12, unique=True)


def rankings(*ranks, subset_ranks=None, tags=None):
    """Rankings with given ranks of their ground truths."""
    rows = [
        {
            "query_id": f"q{i}",
            "group": "",
            "tags": tags[i] if tags else [],
            "target_ranks": list(of_query),
            "subset_rank": subset_ranks[i] if subset_ranks else None,
        }
        for i, of_query in enumerate(ranks)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.RANKINGS)


def values(table, *names):
    """Per-query values, in percent, as lists."""
    return metrics.per_query(table, names).T.tolist()


def test_recall_is_whether_any_ground_truth_is_among_the_best_k():
    assert values(rankings([3], [11], [20, 2]), "R@1", "R@3", "R@10") == [[0, 0, 0], [100, 0, 100], [100, 0, 100]]


def test_target_recall_looks_at_the_first_ground_truth_alone():
    assert values(rankings([20, 2], [2, 20]), "R_target@5") == [[0, 100]]


def test_subset_recall_looks_at_the_rank_within_the_image_set():
    assert values(rankings([90], [90], subset_ranks=[1, 3]), "R_subset@2", "R_subset@3") == [[100, 0], [100, 100]]


def test_average_precision_follows_its_definition():
    """Ranks 1, 3 and 9: precisions 1/1 and 2/3 within the best 5, of at most min(3, 5) hits."""
    (value,) = values(rankings([9, 1, 3]), "mAP@5")
    assert value == pytest.approx([100 * (1 + 2 / 3) / 3])
    (value,) = values(rankings([1, 2, 3, 4]), "mAP@2")
    assert value == pytest.approx([100])


def test_accuracy_is_whether_the_best_is_right():
    assert values(rankings([1], [2]), "accuracy") == [[100, 0]]


def test_a_tag_restricts_a_metric_to_the_queries_that_carry_it():
    table = rankings([1], [9], [1], tags=[["negation"], ["negation", "it's"], []])
    measured = metrics.per_query(table, ["R@1[negation]", "R@1[it's]"])
    assert metrics.mean(measured).tolist() == [50, 0]
    assert np.isnan(measured[2]).all()


@pytest.mark.parametrize("name", ["R@0", "R@", "P@5", "R@5[]", "r@5", "R@5; DROP TABLE rankings", "R@5.5"])
def test_a_name_that_is_no_metric_is_refused_with_those_there_are(name):
    with pytest.raises(CirqueError, match="R@K, R_all@K, R_target@K, R_subset@K, mAP@K, accuracy"):
        metrics.expression(name)


@settings(max_examples=60, deadline=None)
@given(ranks=st.lists(RANKS, min_size=1, max_size=8))
def test_recall_never_falls_as_k_grows(ranks):
    recalls = metrics.per_query(rankings(*ranks), [f"R@{k}" for k in range(1, 61)])
    assert (np.diff(recalls, axis=1) >= 0).all()


def independent(ranks, *measures):
    """Per-query values, in percent, that ir_measures gives for the same rankings of sixty candidates."""
    qrels = [ir_measures.Qrel(f"q{q}", f"d{rank}", 1) for q, of_query in enumerate(ranks) for rank in of_query]
    run = [ir_measures.ScoredDoc(f"q{q}", f"d{rank}", -float(rank)) for q in range(len(ranks)) for rank in range(1, 61)]
    theirs = {(m.query_id, m.measure): 100 * m.value for m in ir_measures.iter_calc(measures, qrels, run)}
    return [pytest.approx([theirs[f"q{q}", measure] for q in range(len(ranks))]) for measure in measures]


@settings(max_examples=25, deadline=None)
@given(ranks=st.lists(RANKS, min_size=1, max_size=6))
def test_metrics_equal_an_independent_library(ranks):
    """R@K is its Success@K, R_all@K its R@K; AP@K is its AP@K as long as K holds every ground truth."""
    same = {
        **{f"R@{k}": ir_measures.Success @ k for k in (1, 5, 10)},
        **{f"R_all@{k}": ir_measures.R @ k for k in (5, 50)},
        **{f"mAP@{k}": ir_measures.AP @ k for k in (15, 60)},
    }
    assert values(rankings(*ranks), *same, "accuracy") == independent(ranks, *same.values(), ir_measures.Success @ 1)


@settings(max_examples=25, deadline=None)
@given(ranks=st.lists(RANKS, min_size=1, max_size=6))
def test_recalls_of_one_target_are_the_librarys_success_with_that_target_alone(ranks):
    table = rankings(*ranks, subset_ranks=[of_query[0] for of_query in ranks])
    theirs = independent([of_query[:1] for of_query in ranks], *(ir_measures.Success @ k for k in (1, 10)))
    assert values(table, "R_target@1", "R_target@10", "R_subset@1", "R_subset@10") == theirs * 2


@settings(max_examples=25, deadline=None)
@given(ranks=st.lists(RANKS, min_size=1, max_size=6))
def test_average_precision_divides_by_no_more_than_k_where_trec_divides_by_all_ground_truths(ranks):
    """CIRCO's AP@K has min(|G|, K) below the sum, TREC's has |G|: a perfect top K is 100 % here and K / |G| there."""
    cutoffs = (1, 2, 5, 10)
    ours = values(rankings(*ranks), *(f"mAP@{k}" for k in cutoffs))
    as_trec = [
        [value * min(len(of_query), k) / len(of_query) for value, of_query in zip(of_cutoff, ranks, strict=True)]
        for k, of_cutoff in zip(cutoffs, ours, strict=True)
    ]
    assert as_trec == independent(ranks, *(ir_measures.AP @ k for k in cutoffs))


@pytest.fixture(scope="module")
def circo(annotations):
    """The authors' sample predictions for CIRCO val as rankings; what they do not name ranks far below."""
    predicted = json.loads((annotations / "CIRCO/submission_examples/submission_val.json").read_text())
    queries = json.loads((annotations / "CIRCO/annotations/val.json").read_text())
    ranks, tags = [], []
    for query in queries:
        position = {int(name): i for i, name in enumerate(predicted[str(query["id"])], start=1)}
        assert query["gt_img_ids"][0] == query["target_img_id"]
        ranks.append([position.get(int(name), 10_000) for name in query["gt_img_ids"]])
        tags.append(query["semantic_aspects"])
    return rankings(*ranks, tags=tags)


def test_circo_sample_submission_scores_what_the_official_scorer_says(circo):
    names = [f"mAP@{k}" for k in (5, 10, 25, 50)] + [f"R_target@{k}" for k in (5, 10, 25, 50)]
    expected = [0.4861, 0.5178, 0.5400, 0.6020, 0.9091, 0.9091, 1.3636, 3.6364]
    assert metrics.mean(metrics.per_query(circo, names)).round(4).tolist() == expected


def test_circo_sample_submission_by_semantic_aspect(circo):
    expected = {
        "addition": 0.0871, "cardinality": 0, "negation": 0, "direct_addressing": 0.9197, "compare_change": 0.0242,
        "comparative_statement": 1.0500, "statement_with_conjunction": 0.6183, "spatial_relations_background": 0.1808,
        "viewpoint": 0.6173,
    }  # fmt: skip
    measured = metrics.mean(metrics.per_query(circo, [f"mAP@10[{aspect}]" for aspect in expected]))
    assert measured.round(4).tolist() == list(expected.values())


def test_answers_are_known_hidden_or_refused_when_mixed():
    assert metrics.has_answers(rankings([1], [2]))
    assert not metrics.has_answers(rankings([], []))
    with pytest.raises(CirqueError, match=r"1 of 2 queries have no ground truth \(first: q1\)"):
        metrics.has_answers(rankings([1], []))


def test_without_answers_every_macro_is_null():
    names = ["R@5", "R_target@5", "R_subset@1", "mAP@5", "accuracy"]
    assert np.isnan(metrics.per_query(rankings([]), names)).all()
