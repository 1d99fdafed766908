"""The stage rank: query features meet the gallery's by name, and bad files are refused by name."""

import numpy as np
import pytest

from cirque.store import files, schemas, vectors
from tests.evaluated import query, run

IDS = [f"i{number}" for number in range(6)]


@pytest.fixture
def paths(tmp_path):
    """Six images on the axes; each query's feature is its target's."""
    queries = [query(number, subset_ids=None, target_ids=[IDS[number + 1]]) for number in range(4)]
    files.write_rows(tmp_path / "queries", queries, schemas.QUERIES)
    gallery = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in IDS]
    files.write_rows(tmp_path / "gallery", gallery, schemas.GALLERY)
    axes = 7 * np.eye(6, dtype=np.float32)
    for name, order in (("shard0", [4, 0, 3]), ("shard1", [1, 5, 2])):
        rows = [{"image_id": IDS[i], "feature": axes[i].tolist(), "status": "ok"} for i in order]
        files.write_rows(tmp_path / name, rows, schemas.features(6))
    shuffled = [2, 0, 3, 1]
    names = [f"q{i}" for i in shuffled]
    vectors.write(tmp_path / "composed", names, axes[[i + 1 for i in shuffled]], schemas.query_features(6))
    return tmp_path


def rank(paths, **changes):
    flags = {
        "queries": "queries", "gallery": "gallery", "query-features": "composed", "output": "rankings", **changes,
    }  # fmt: skip
    words = [word for name, file in flags.items() for word in (f"--{name}", paths / file)]
    shards = ["--features", paths / "shard0", paths / "shard1"]
    return run("rank_gallery", *words, *shards, "--remove-reference", True)


def test_features_meet_by_name_whatever_their_order(paths):
    assert rank(paths) == 0
    rows = files.read_table(paths / "rankings").to_pylist()
    assert [row["query_id"] for row in rows] == ["q0", "q1", "q2", "q3"]
    assert [row["target_ranks"] for row in rows] == [[1]] * 4
    assert {row["n_candidates"] for row in rows} == {5}
    assert [row["top_scores"][0] for row in rows] == pytest.approx([1.0] * 4)  # both sides are normalised


def test_a_query_without_a_feature_is_refused_by_name(paths, capsys):
    vectors.write(paths / "few", ["q0", "q2"], np.eye(2, 6), schemas.query_features(6))
    assert rank(paths, **{"query-features": "few"}) == 1
    assert "first: q1" in capsys.readouterr().err
    assert not (paths / "rankings").exists()


def test_a_truncated_file_is_refused_by_name(paths, capsys):
    whole = (paths / "gallery").read_bytes()
    (paths / "gallery").write_bytes(whole[: len(whole) // 2])
    assert rank(paths) == 1
    assert "gallery: not a whole Parquet file" in capsys.readouterr().err


def test_an_image_without_a_feature_is_refused_by_name(paths, capsys):
    extra = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in [*IDS, "i77"]]
    files.write_rows(paths / "gallery", extra, schemas.GALLERY)
    assert rank(paths) == 1
    assert "i77" in capsys.readouterr().err
