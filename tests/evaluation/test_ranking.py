"""Ranking: a rank is what scores above, the protocol says whether the reference goes, ties follow the gallery."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cirque.errors import CirqueError
from cirque.evaluation import ranking
from cirque.evaluation.ranking import Gallery, rank
from cirque.store import schemas
from tests.evaluated import query

#: Few distinct scores, so that most are tied.
SCORES = st.lists(st.integers(-2, 2), min_size=8, max_size=90)


def gallery(scores, groups=None):
    """Images i0, i1, … that score as given against the query [1.0]."""
    features = np.asarray(scores, dtype=np.float32)[:, None]
    return Gallery([f"i{n}" for n in range(len(scores))], features, groups or [""] * len(scores))


def rank_one(scores, remove_reference=False, ties="gallery", **changes):
    """Ranking of one query against images with the given scores."""
    return rank([query(0, **changes)], np.ones((1, 1), np.float32), gallery(scores), remove_reference, ties)[0]


@settings(max_examples=200, deadline=None)
@given(scores=SCORES, remove_reference=st.booleans(), data=st.data())
def test_ranks_and_best_tell_the_same_story(scores, remove_reference, data):
    """The oracle sorts; the ranking counts."""
    n = len(scores)
    targets = data.draw(st.lists(st.integers(1, n - 1), min_size=1, max_size=5, unique=True))
    subset = data.draw(st.permutations([*{*targets, *range(1, 6)}]))
    row = rank_one(
        scores, remove_reference, target_ids=[f"i{t}" for t in targets], subset_ids=[f"i{s}" for s in subset]
    )
    ordered = sorted(range(1 if remove_reference else 0, n), key=lambda i: (-scores[i], i))
    assert row["target_ranks"] == [ordered.index(t) + 1 for t in targets]
    assert row["top_ids"] == [f"i{i}" for i in ordered[:50]]
    assert row["top_scores"] == [scores[i] for i in ordered[:50]]
    assert row["n_candidates"] == len(ordered)
    assert row["subset_ids"] == [f"i{i}" for i in ordered if i in subset]
    assert row["subset_rank"] == row["subset_ids"].index(f"i{targets[0]}") + 1


def test_reference_is_removed_only_where_the_protocol_says_so():
    scores = [9, 1, 0, 0, 0, 0, 0]
    kept, removed = rank_one(scores), rank_one(scores, remove_reference=True)
    assert (kept["target_ranks"], kept["n_candidates"], kept["top_ids"][0]) == ([2], 7, "i0")
    assert (removed["target_ranks"], removed["n_candidates"], removed["top_ids"][0]) == ([1], 6, "i1")
    assert "i0" not in removed["top_ids"]


def test_of_equal_scores_the_earlier_image_stands_above():
    assert rank_one([0] * 7, target_ids=["i3"])["target_ranks"] == [4]


@settings(max_examples=100, deadline=None)
@given(scores=SCORES, data=st.data())
def test_where_targets_win_ties_they_stand_above_every_equal_score(scores, data):
    n = len(scores)
    targets = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4, unique=True))
    row = rank_one(scores, ties="target", subset_ids=None, target_ids=[f"i{t}" for t in targets])
    ordered = sorted(range(n), key=lambda i: (-scores[i], i not in targets, targets.index(i) if i in targets else i))
    assert row["target_ranks"] == [ordered.index(t) + 1 for t in targets]
    assert row["top_ids"] == [f"i{i}" for i in ordered[: ranking.N_BEST]]


def test_a_target_that_is_given_twice_in_a_query_s_own_gallery_wins_against_its_double():
    own = ["i1", "i2", "i2", "i3"]
    row = rank_one([0, 1, 1, 1], ties="target", subset_ids=None, target_ids=["i2"], candidate_ids=own)
    assert row["target_ranks"] == [1]
    assert row["top_ids"] == ["i2", "i1", "i2", "i3"]


@pytest.mark.parametrize("n", [12_799, 12_800, 13_013, 20_000])
@pytest.mark.parametrize("n_values", [1, 3, 400, 10**6])
def test_the_best_of_a_large_gallery_are_those_of_a_whole_sort(n, n_values):
    """Few distinct scores, so that the bound is tied, and lengths that the maxima do not divide."""
    scores = np.random.default_rng(n_values).integers(0, n_values, n).astype(np.float32)
    scores[n // 2] = -np.inf  # a reference that is no candidate
    expected = np.lexsort((np.arange(n), -scores))
    for k in (1, 50, 64):
        assert ranking.best_first(scores, k).tolist() == expected[:k].tolist()


def test_the_last_of_a_large_gallery_may_be_the_best():
    scores = np.zeros(128 * 200 + 7, np.float32)
    scores[-3:] = 1
    assert ranking.best_first(scores, 5).tolist() == [len(scores) - 3, len(scores) - 2, len(scores) - 1, 0, 1]


def test_every_ground_truth_has_its_rank_in_the_order_of_the_targets():
    assert rank_one([0, 1, 5, 3, 4, 2, 0], target_ids=["i3", "i2", "i1"])["target_ranks"] == [3, 1, 5]


def test_hidden_answers_leave_no_ranks_but_an_ordered_subset():
    row = rank_one([0, 1, 5, 3, 4, 2, 0], remove_reference=True, target_ids=[])
    assert (row["target_ranks"], row["subset_rank"]) == ([], None)
    assert row["subset_ids"] == ["i2", "i4", "i3", "i5", "i1"]


def test_a_benchmark_without_subsets_has_none():
    row = rank_one([0] * 7, subset_ids=None)
    assert (row["subset_ids"], row["subset_rank"]) == (None, None)


def test_a_query_is_answered_from_its_own_group():
    """An image may stand in two groups, as FashionIQ's do."""
    both = Gallery(
        ["a", "b", "c", "a"], np.asarray([[1], [2], [3], [4]], np.float32), ["shirt", "shirt", "dress", "dress"]
    )
    common = {"reference_id": "a", "target_ids": ["a"], "subset_ids": None}
    queries = [query(0, group="dress", **common), query(1, group="shirt", **common)]
    dress, shirt = rank(queries, np.ones((2, 1), np.float32), both, False)
    assert (dress["top_ids"], dress["target_ranks"], dress["n_candidates"]) == (["a", "c"], [1], 2)
    assert (shirt["top_ids"], shirt["target_ranks"], shirt["group"]) == (["b", "a"], [2], "shirt")


def test_a_query_may_bring_its_own_gallery():
    """GeneCIS: a name given twice is two candidates; ties still follow the gallery."""
    own = {"candidate_ids": ["i6", "i1", "i4", "i4"], "subset_ids": None, "target_ids": ["i4"]}
    row = rank_one([9, 0, 9, 9, 0, 9, 0], **own)
    assert (row["top_ids"], row["target_ranks"], row["n_candidates"]) == (["i1", "i4", "i4", "i6"], [2], 4)


def test_images_of_no_group_are_candidates_of_every_query():
    """ImageNet-R: one gallery for the queries of all domains."""
    shared = Gallery(["a", "b", "c"], np.asarray([[3], [2], [1]], np.float32), ["", "toy", ""])
    asked = [query(n, group=group, target_ids=["c"], subset_ids=None) for n, group in enumerate(("toy", "cartoon"))]
    rows = rank(asked, np.ones((2, 1), np.float32), shared, False)
    assert [(row["top_ids"], row["target_ranks"]) for row in rows] == [(["a", "b", "c"], [3]), (["a", "c"], [2])]


def test_queries_keep_their_order_whatever_their_groups_and_galleries():
    mixed = Gallery(["a", "b"] * 2, np.eye(4, dtype=np.float32), ["x", "x", "y", "y"])
    base = {"reference_id": "a", "target_ids": ["b"], "subset_ids": None}
    queries = [
        query(0, group="y", **base),
        query(1, group="x", **base),
        query(2, group="y", candidate_ids=["b"], **base),
    ]
    rows = rank(queries, np.ones((3, 4), np.float32), mixed, False)
    assert [row["query_id"] for row in rows] == ["q0", "q1", "q2"]


def test_chunks_change_nothing(monkeypatch):
    generator = np.random.default_rng(0)
    features = generator.standard_normal((30, 16)).astype(np.float32)
    many = Gallery([f"i{n}" for n in range(30)], features, [""] * 30)
    queries = [query(n) for n in range(20)]
    composed = generator.standard_normal((20, 16)).astype(np.float32)
    whole = rank(queries, composed, many, True)
    monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 70)
    in_pieces = rank(queries, composed, many, True)
    for one, other in zip(whole, in_pieces, strict=True):
        assert one["top_ids"] == other["top_ids"]
        assert one["target_ranks"] == other["target_ranks"]


def test_rows_fit_the_schema():
    import pyarrow as pa  # noqa: PLC0415

    rows = [rank_one([0] * 7), rank_one([0] * 7, target_ids=[], subset_ids=None)]
    assert pa.Table.from_pylist(rows, schema=schemas.RANKINGS).num_rows == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target_ids": ["nowhere"]}, ["q0", "target 'nowhere'", "7 candidates"]),
        ({"reference_id": "nowhere"}, ["q0", "reference 'nowhere'"]),
        ({"subset_ids": ["i1", "nowhere"]}, ["q0", "subset member 'nowhere'"]),
        ({"candidate_ids": ["i1", "nowhere"]}, ["q0", "candidate 'nowhere'"]),
        ({"target_ids": ["i6"], "subset_ids": ["i1"]}, ["q0", "'i6' is not a member of its subset"]),
        ({"target_ids": ["i0"]}, ["q0", "'i0' is also its target"]),
    ],
)
def test_a_query_that_does_not_fit_its_gallery_is_refused_by_name(changes, words):
    with pytest.raises(CirqueError) as error:
        rank_one([0] * 7, remove_reference=True, **changes)
    assert all(word in str(error.value) for word in words)


def test_a_group_without_an_image_is_refused():
    dresses = Gallery(["i0", "i1"], np.eye(2, dtype=np.float32), ["dress", "dress"])
    with pytest.raises(CirqueError, match="query q0: the gallery has no image of its group 'shirt'"):
        rank([query(0, group="shirt")], np.ones((1, 2), np.float32), dresses, False)


def test_features_that_are_not_finite_are_refused_by_name():
    with pytest.raises(CirqueError, match="NaN or infinite: gallery image i2"):
        rank_one([0, 1, float("nan"), 0, 0, 0, 0])
    with pytest.raises(CirqueError, match="query q0"):
        rank([query(0)], np.full((1, 1), np.inf, np.float32), gallery([0] * 7), False)
    with pytest.raises(CirqueError, match=r"1 of 2 features are NaN, infinite or zero \(b\)"):
        ranking.normalise(np.asarray([[1.0], [0.0]], np.float32), ["a", "b"])


def test_features_are_normalised_in_their_own_memory_to_the_same_bits():
    features = np.random.default_rng(0).standard_normal((20_000, 3)).astype(np.float32)
    expected = ranking.normalise(features.copy(), [])
    found = ranking.normalise_in_place(features, [])
    assert found.tobytes() == expected.tobytes()
    assert np.shares_memory(found, features)


def test_large_features_are_finite_though_their_sum_is_not():
    huge = Gallery(["i0", "i1"], np.asarray([[3e38, 3e38], [0, 1]], np.float32), ["", ""])
    row = rank([query(0, target_ids=["i1"], subset_ids=None)], np.asarray([[0, 1]], np.float32), huge, False)[0]
    assert row["top_ids"] == ["i0", "i1"]


def test_a_gallery_with_a_name_twice_is_refused():
    twice = Gallery(["i1", "i1"], np.ones((2, 1), np.float32), ["", ""])
    with pytest.raises(CirqueError, match=r"1 names occur twice \(i1\)"):
        rank([query(0)], np.ones((1, 1), np.float32), twice, False)


def test_features_of_two_backbones_are_refused():
    with pytest.raises(CirqueError, match="two backbones"):
        rank([query(0)], np.ones((1, 2), np.float32), gallery([0] * 7), False)
    with pytest.raises(CirqueError, match="2 query features for 1 queries"):
        rank([query(0)], np.ones((2, 1), np.float32), gallery([0] * 7), False)
