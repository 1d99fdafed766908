"""The gallery: the largest wins and losses of each pair, and pictures out of the shards."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cirque.data import shards
from cirque.errors import CirqueError
from cirque.report import gallery
from cirque.store import schemas
from tests import tiny

NAMES = [f"i{i}" for i in range(7)]


def queries(n):
    rows = [{"query_id": f"q{i}", "reference_id": f"r{i}", "captions": ["is red"], "group": None} for i in range(n)]
    return pa.Table.from_pylist(rows, pa.schema([schemas.QUERIES.field(name) for name in gallery.OF_QUERIES]))


def ranking(*target_ranks):
    rows = [
        {"query_id": f"q{i}", "target_ranks": ranks, "n_candidates": 100, "top_ids": NAMES}
        for i, ranks in enumerate(target_ranks)
    ]
    return pa.Table.from_pylist(rows, pa.schema([schemas.RANKINGS.field(name) for name in gallery.OF_RANKINGS]))


def chosen(a, b, n_each=8):
    return gallery.choose("cirr_val", "tiny", queries(a.num_rows), {"a": a, "b": b}, n_each)


def test_the_best_ground_truth_counts_and_hidden_answers_have_none():
    assert gallery.best_ranks(ranking([9, 4], [], [7], None, [1, 2])).tolist() == [4, 0, 7, 0, 1]
    assert gallery.best_ranks(ranking([], [])).tolist() == [0, 0]
    assert gallery.best_ranks(ranking()).tolist() == []


def test_the_largest_win_comes_first_and_of_equal_ones_the_earlier_query():
    winner, loser = np.array([1, 1, 1, 3, 2]), np.array([5, 90, 5, 3, 1])
    assert gallery.largest_wins(winner, loser, 8) == [1, 0, 2]
    assert gallery.largest_wins(winner, loser, 2) == [1, 0]


def test_a_win_whose_ground_truth_is_shown_comes_before_a_larger_one_out_of_sight():
    assert gallery.largest_wins(np.array([400, 5, 6]), np.array([900, 6, 99]), 8) == [1, 0, 2]


def test_a_query_without_answers_is_nobodys_win():
    found = chosen(ranking([1], [], [2]), ranking([3], [], [2]))
    assert found.pairs["a", "b"] == gallery.Pair(n_won=1, n_lost=0, n_equal=1, won=[0], lost=[])
    assert [example.query_id for example in found.examples] == ["q0"]


def test_a_benchmark_with_hidden_answers_has_no_gallery():
    assert chosen(ranking([], []), ranking([], [])) is None


def test_wins_and_losses_point_at_their_queries():
    found = chosen(ranking([1], [50], [2], [1]), ranking([9], [4], [2], [80]), n_each=1)
    pair = found.pairs["a", "b"]
    assert (pair.n_won, pair.n_lost, pair.n_equal) == (2, 1, 1)
    assert [found.examples[i].query_id for i in pair.won + pair.lost] == ["q3", "q1"]


def test_ground_truths_are_marked_among_the_first_five():
    (example,) = chosen(ranking([2, 5, 6]), ranking([40, 50, 60])).examples
    assert example.answers["a"] == gallery.Answer(2, [*zip(NAMES[:5], [False, True, False, False, True], strict=True)])
    assert example.answers["b"] == gallery.Answer(40, [(name, False) for name in NAMES[:5]])
    assert (example.reference_id, example.captions, example.group, example.n_candidates) == ("r0", ["is red"], "", 100)


def test_a_query_holds_the_answers_only_of_methods_that_it_is_shown_for():
    of = {"a": ranking([1], [1]), "b": ranking([9], [2]), "c": ranking([9], [1])}
    found = gallery.choose("cirr_val", "tiny", queries(2), of, 1)
    assert {example.query_id: sorted(example.answers) for example in found.examples} == {
        "q0": ["a", "b", "c"],
        "q1": ["b", "c"],
    }
    assert found.image_ids == {"r0", "r1", *NAMES[:5]}


@pytest.mark.parametrize("n", [2, 4])
def test_a_ranking_of_other_queries_is_refused(n):
    stated = f"cirr_val, tiny, b: the ranking has {n} queries, of which number {min(n, 3) + 1} is not that of the 3"
    with pytest.raises(CirqueError, match=stated):
        gallery.choose("cirr_val", "tiny", queries(3), {"a": ranking([1], [1], [1]), "b": ranking(*[[2]] * n)}, 8)


# ---- pictures ------------------------------------------------------------------------------------------------------


def encoded(size, mode="RGB", file_format="PNG"):
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, format=file_format)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("size", "thumbnail"), [((960, 480), (96, 48)), ((20, 30), (20, 30)), ((97, 97), (96, 96)), ((5000, 2), (96, 1))]
)
def test_a_thumbnail_has_96_pixels_at_most_and_is_never_enlarged(size, thumbnail):
    image = Image.open(io.BytesIO(gallery.thumbnail(encoded(size))))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", thumbnail)


@pytest.mark.parametrize(("mode", "file_format"), [("P", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("CMYK", "JPEG")])
def test_every_mode_has_a_thumbnail(mode, file_format):
    assert gallery.thumbnail(encoded((10, 10), mode, file_format)) is not None


def test_a_file_that_is_no_picture_has_none_and_stops_nothing():
    assert gallery.thumbnail(b"") is None
    assert gallery.thumbnail(encoded((50, 50))[:60]) is None


@pytest.fixture
def packed(tmp_path):
    tiny.save_pictures(tmp_path, "p", NAMES)
    (tmp_path / "p/i6.png").write_bytes(b"broken")
    rows = shards.assign([(name, f"p/{name}.png") for name in NAMES], "set", 4)
    tars = {}
    for number in range(2):
        tars[number] = tmp_path / f"{number:05d}.tar"
        shards.write_shard(tars[number], shards.rows_of(rows, number, tmp_path), tmp_path)
    return rows, tars


def test_only_the_pictures_wanted_are_read_from_only_their_shards(packed, tmp_path):
    rows, tars = packed
    found = gallery.read_thumbnails(["i0", "i2"], tmp_path / "images.parquet", rows, {0: tars[0]})
    assert found == {name: gallery.thumbnail((tmp_path / f"p/{name}.png").read_bytes()) for name in ("i0", "i2")}


def test_a_broken_file_is_a_gap(packed, tmp_path):
    rows, tars = packed
    found = gallery.read_thumbnails(["i5", "i6"], tmp_path / "images.parquet", rows, tars)
    assert found["i5"] is not None
    assert found["i6"] is None


def test_a_shard_that_was_not_given_and_an_image_of_another_set_are_stated(packed, tmp_path):
    rows, tars = packed
    with pytest.raises(CirqueError, match="shard 00001 of its images was not given; add it to --shards"):
        gallery.read_thumbnails(["i0", "i5"], tmp_path / "images.parquet", rows, {0: tars[0]})
    with pytest.raises(CirqueError, match=r"images.parquet: lacks 1 images that rankings name \(elsewhere\)"):
        gallery.read_thumbnails(["i0", "elsewhere"], tmp_path / "images.parquet", rows, tars)
