"""The stage evaluate: one job for several methods, a partition and a record for each of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cirque.networks import phi
from cirque.plan.paths import KINDS
from cirque.store import files, provenance, schemas
from tests import small_searle
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
    return tmp_path


def evaluate(paths, *methods, **changes):
    runs = [
        {"method": name, "composer": name, "seed": 0, "bound": name == "upper-bound", "inputs": {}} for name in methods
    ]
    flags = {"queries": paths / "queries", "gallery": paths / "gallery", "weights": paths / "weights.safetensors",
             "preprocess": "clip", "runs": json.dumps(runs), "output": paths / "scale=mini", "backbone": "tiny",
             "benchmark": "toy", "split": "val", "level": 0.95, "resamples": 50, "bootstrap-seed": 0,
             "remove-reference": True, "threads": 1, **changes}  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    return run("evaluate", *words, "--features", paths / "shard0", paths / "shard1", "--metrics", "R@1", "R@5")


def written(paths, kind, method="image-only"):
    return paths / "scale=mini" / KINDS[kind].path(benchmark="toy", backbone="tiny", method=method, seed=0)


def test_features_meet_by_name_whatever_their_order(paths):
    assert evaluate(paths, "image-only") == 0
    rows = files.read_table(written(paths, "rankings")).to_pylist()
    assert [row["query_id"] for row in rows] == ["q0", "q1", "q2", "q3"]
    # The axes are at right angles: all but the removed reference score 0, and the gallery's order decides.
    assert [row["target_ranks"] for row in rows] == [[1], [2], [3], [4]]
    assert {row["n_candidates"] for row in rows} == {5}


def test_metrics_say_which_run_they_are_of(paths):
    assert evaluate(paths, "image-only") == 0
    rows = files.read_table(written(paths, "metrics")).to_pylist()
    assert [(row["metric"], row["value"], row["n_queries"]) for row in rows] == [("R@1", 25.0, 4), ("R@5", 100.0, 4)]
    assert {(row["benchmark"], row["split"], row["method"], row["seed"]) for row in rows} == {
        ("toy", "val", "image-only", 0)
    }


def test_equal_inputs_give_equal_bytes(paths):
    evaluate(paths, "image-only")
    first = [written(paths, kind).read_bytes() for kind in ("query_features", "rankings", "metrics")]
    evaluate(paths, "image-only")
    assert [written(paths, kind).read_bytes() for kind in ("query_features", "rankings", "metrics")] == first


def test_a_hidden_split_gives_no_metrics_and_says_so(paths, capsys):
    queries = [query(number, subset_ids=None, target_ids=[]) for number in range(4)]
    files.write_rows(paths / "queries", queries, schemas.QUERIES)
    assert evaluate(paths, "image-only") == 0
    assert files.read_table(written(paths, "metrics")).num_rows == 0
    assert "hidden" in capsys.readouterr().err


def test_answers_of_some_queries_alone_are_refused(paths, capsys):
    queries = [query(number, subset_ids=None, target_ids=["i5"] if number else []) for number in range(4)]
    files.write_rows(paths / "queries", queries, schemas.QUERIES)
    assert evaluate(paths, "image-only") == 1
    assert "first: q0" in capsys.readouterr().err
    assert not written(paths, "metrics").exists()


def test_no_query_is_refused(paths, capsys):
    files.write_rows(paths / "queries", [], schemas.QUERIES)
    assert evaluate(paths, "image-only") == 1
    assert "holds no query" in capsys.readouterr().err


def test_a_truncated_file_is_refused_by_name(paths, capsys):
    whole = (paths / "gallery").read_bytes()
    (paths / "gallery").write_bytes(whole[: len(whole) // 2])
    assert evaluate(paths, "image-only") == 1
    assert "gallery: not a whole Parquet file" in capsys.readouterr().err


def test_an_image_without_a_feature_is_refused_by_name(paths, capsys):
    extra = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in [*IDS, "i77"]]
    files.write_rows(paths / "gallery", extra, schemas.GALLERY)
    assert evaluate(paths, "image-only") == 1
    assert "i77" in capsys.readouterr().err


def test_a_record_names_what_its_own_run_read(tmp_path):
    small_searle.write_backbone(tmp_path)
    small_searle.write_images(tmp_path)
    phi.save(tmp_path / "phi.safetensors", phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 0), {})
    names = [small_searle.IMAGES[number] for number in (7, 0, 3)]
    queries = [query(number, reference_id=name, target_ids=[names[number - 1]], subset_ids=None)
               for number, name in enumerate(names)]  # fmt: skip
    files.write_rows(tmp_path / "queries", queries, schemas.QUERIES)
    gallery = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in names]
    files.write_rows(tmp_path / "gallery", gallery, schemas.GALLERY)
    for name, file in zip(("shard0", "shard1"), sorted((tmp_path / "features").glob("*.parquet")), strict=True):
        (tmp_path / name).symlink_to(file)
    runs = [{"method": "searle", "composer": "searle", "seed": 0, "bound": False,
             "inputs": {"phi": [str(tmp_path / "phi.safetensors")]}},
            {"method": "image-only", "composer": "image-only", "seed": 0, "bound": False, "inputs": {}},
            {"method": "text-only", "composer": "text-only", "seed": 0, "bound": False, "inputs": {}}]  # fmt: skip
    assert evaluate(tmp_path, runs=json.dumps(runs)) == 0
    read = {
        method: {
            Path(entry["path"]).name
            for entry in provenance.read_record(written(tmp_path, "rankings", method))["inputs"]
        }
        for method in ("searle", "image-only", "text-only")
    }
    assert {"phi.safetensors", "weights.safetensors", "queries", "gallery"} <= read["searle"]
    assert "phi.safetensors" not in read["text-only"]
    assert "weights.safetensors" in read["text-only"]  # though searle loaded it
    assert not {"phi.safetensors", "weights.safetensors"} & read["image-only"]


def test_image_only_imports_no_torch(paths):
    runs = [{"method": "image-only", "composer": "image-only", "seed": 0, "bound": False, "inputs": {}}]
    command = ["evaluate", "--runs", json.dumps(runs), "--queries", paths / "queries", "--gallery", paths / "gallery",
               "--weights", "none", "--preprocess", "clip", "--backbone", "tiny", "--benchmark", "toy",
               "--split", "val", "--metrics", "R@1",
               "--resamples", 5, "--bootstrap-seed", 0, "--level", 0.95, "--remove-reference", False, "--threads", 1,
               "--features", paths / "shard0", paths / "shard1", "--output", paths / "scale=mini"]  # fmt: skip
    code = (
        "import sys; from cirque.__main__ import main; status = main(sys.argv[1:]);"
        "print(sorted({'torch', 'open_clip', 'transformers'} & set(sys.modules))); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
