"""score: what others computed, measured by the benchmark's own protocol."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from cirque.store import files, schemas
from tests.evaluated import SCALE, inside, run

RUN = "benchmark=cirr_val/backbone=tiny/method=searle/seed=0"


@pytest.fixture
def project(evaluated: Path, tmp_path: Path):
    shutil.copytree(evaluated, tmp_path / "project", copy_function=shutil.copy2)
    with inside(tmp_path / "project"):
        yield tmp_path


def score(capsys: pytest.CaptureFixture[str], *words: object, benchmark: str = "cirr_val") -> tuple[int, str, str]:
    status = run("score", "--benchmark", benchmark, "--resamples", 100, *words)
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def queries() -> tuple[list[str], np.ndarray]:
    rows = files.read_table(SCALE / f"query_features/{RUN}/queries.parquet")
    return rows[0].to_pylist(), np.array(rows[1].to_pylist(), np.float32)


def images() -> tuple[list[str], np.ndarray]:
    tables = [files.read_table(path) for path in sorted(SCALE.glob("features/image_set=cirr_val/**/*.parquet"))]
    rows = pa.concat_tables(tables)
    return rows["image_id"].to_pylist(), np.array(rows["feature"].to_pylist(), np.float32)


def save(path: Path, ids: list[str], array: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, array)
        return path
    order = np.random.default_rng(0).permutation(len(ids))  # with ids the order is free
    ids, array = [ids[row] for row in order], array[order]
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"id": ids, "x": array.tolist()}), path)
    else:
        save_file({"x": np.ascontiguousarray(array)}, path, metadata={"ids": json.dumps(ids)})
    return path


def stored() -> dict[str, float]:
    rows = files.read_table(SCALE / f"metrics/{RUN}/metrics.parquet").to_pylist()
    return {row["metric"]: row["value"] for row in rows}


def printed(out: str) -> dict[str, float]:
    lines = [line.split() for line in out.splitlines() if "@" in line and "cirr" not in line]
    return {words[0]: float(words[1]) for words in lines}


@pytest.mark.parametrize("ending", ["npy", "parquet", "safetensors"])
def test_features_score_as_the_workflow_scores_them(project: Path, capsys, ending: str):
    words = [
        "--queries", save(project / f"q.{ending}", *queries()), "--gallery", save(project / f"g.{ending}", *images())
    ]  # fmt: skip
    status, out, _ = score(capsys, *words)
    assert status == 0
    assert printed(out) == {name: round(value, 2) for name, value in stored().items()}


def test_a_stored_ranking_and_a_trec_run_score_alike_as_far_as_the_run_goes(project: Path, capsys):
    ranking = SCALE / f"rankings/{RUN}/rankings.parquet"
    expected = {name: round(value, 2) for name, value in stored().items()}
    assert printed(score(capsys, "--ranking", ranking)[1]) == expected
    rows = files.read_table(ranking).to_pylist()
    trec = project / "run.trec"
    lines = [
        f"{row['query_id']} Q0 {name} {rank} {-rank} mine"
        for row in rows
        for rank, name in enumerate(row["top_ids"][:20], start=1)
    ]
    trec.write_text("\n".join(lines) + "\n")
    status, out, err = score(capsys, "--ranking", trec)
    assert status == 0
    assert printed(out) == {name: expected[name] for name in ("R@1", "R@5", "R@10")}
    assert "no R@50, R_subset@1" in out + err


@pytest.mark.parametrize(("file", "names"), [("recall", "R@"), ("recall_subset", "R_subset@")])
def test_a_server_s_file_scores_as_the_ranking_that_it_was_made_of(project: Path, capsys, file: str, names: str):
    words = ["--ranking", SCALE / f"rankings/{RUN.replace('cirr_val', 'cirr_test1')}/rankings.parquet"]
    assert score(capsys, *words, "--submission", project / "server", benchmark="cirr_test1")[0] == 0
    status, out, _ = score(capsys, "--ranking", project / f"server/{file}.json", benchmark="cirr_test1")
    assert status == 0
    metrics = files.read_table(SCALE / f"metrics/{RUN.replace('cirr_val', 'cirr_test1')}/metrics.parquet").to_pylist()
    assert printed(out) == {row["metric"]: round(row["value"], 2) for row in metrics if row["metric"].startswith(names)}


def test_what_is_kept_is_compared_like_any_method_and_never_takes_the_workflow_s_place(project: Path, capsys):
    ranking = SCALE / f"rankings/{RUN}/rankings.parquet"
    assert score(capsys, "--ranking", ranking, "--keep", "mine", "--backbone", "tiny")[0] == 0
    assert run("compare", "mine", "image-only", "--benchmark", "cirr_val", "--resamples", 100) == 0
    assert "mine" in capsys.readouterr().out
    status, _, err = score(capsys, "--ranking", ranking, "--keep", "searle", "--backbone", "tiny")
    assert status == 1
    assert "is the workflow's own run" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ids: ids[1:], "1 missing (q0)"),
        (lambda ids: [*ids[:-1], ids[0]], "1 missing (q39), 1 twice (q0)"),
        (lambda ids: ["x9", *ids[1:]], "1 missing (q0), 1 unknown (x9)"),
    ],
)
def test_ids_that_do_not_fit_are_named(project: Path, capsys, change, words: str):
    ids, array = queries()
    wrong = change(ids)
    pq.write_table(pa.table({"id": wrong, "x": array[: len(wrong)].tolist()}), project / "q.parquet")
    gallery = save(project / "g.npy", *images())
    status, _, err = score(capsys, "--queries", project / "q.parquet", "--gallery", gallery)
    assert status == 1
    assert words in err


def test_a_list_with_an_image_twice_or_the_reference_is_refused_by_its_query(project: Path, capsys):
    rows = files.read_table(SCALE / f"rankings/{RUN}/rankings.parquet").to_pylist()
    for names, words in ((["i5", "i5"], "query q0 names an image twice"), (["i0"], "query q0 names i0, no candidates")):
        lists = {row["query_id"]: row["top_ids"][:3] for row in rows} | {"q0": names}
        (project / "lists.json").write_text(json.dumps(lists))
        status, _, err = score(capsys, "--ranking", project / "lists.json")
        assert status == 1
        assert words in err


def test_a_stored_ranking_whose_ranks_do_not_fit_its_lists_is_refused(project: Path, capsys):
    rows = files.read_table(SCALE / f"rankings/{RUN}/rankings.parquet").to_pylist()
    for wrong in ([1 if rows[3]["target_ranks"] != [1] else 2], [], [10_000]):
        changed = [*rows[:3], {**rows[3], "target_ranks": wrong}, *rows[4:]]
        files.write_rows(project / "ranking.parquet", changed, schemas.RANKINGS)
        status, _, err = score(capsys, "--ranking", project / "ranking.parquet")
        assert status == 1
        assert "query q3: target_ranks" in err


def test_equal_scores_of_a_run_are_in_the_order_of_the_gallery(project: Path, capsys):
    queries_asked = files.read_table(SCALE / "queries/benchmark=cirr_val/queries.parquet").to_pylist()
    names = [f"i{number}" for number in range(70)]
    lines = [
        f"{query['query_id']} Q0 {name} 1 0.5 mine"
        for query in queries_asked
        for name in reversed(names)
        if name != query["reference_id"]
    ]
    (project / "tied.trec").write_text("\n".join(lines))
    out = score(capsys, "--ranking", project / "tied.trec")[1]
    # The target of query n is image n + 1: without the reference it is the n + 1st of the gallery.
    assert printed(out) == {"R@1": 2.5, "R@5": 12.5, "R@10": 25.0, "R@50": 100.0}
    (project / "tied.trec").write_text("q0 Q0 i1 1 nan mine")
    assert "line 1: its score is no number" in score(capsys, "--ranking", project / "tied.trec")[2]


# ---- a benchmark's own protocol: groups, own galleries, ties ---------------------------------------------------------


def asked(query_id: str, group: str, target: str, candidates: list[str] | None) -> dict:
    return {
        "query_id": query_id, "reference_id": "a", "captions": ["red"], "target_ids": [target], "group": group,
        "candidate_ids": candidates, "subset_ids": None, "tags": [], "full_caption": None,
    }  # fmt: skip


def benchmark_of(root: Path, rows: list[dict], gallery: list[tuple[str, str]], **entry: object) -> None:
    """Results that hold one benchmark, ready to be scored."""
    folder = root / "results/scale=mini"
    own = {"dataset": "genecis", "split": "v0", "image_set": "x", "metrics": ["R@1", "R@2"], "remove_reference": False}
    files.write_json(folder / "settings.json", {"benchmarks": {"own": own | {"answers": "in-annotations"} | entry}})
    files.write_rows(folder / "queries/benchmark=own/queries.parquet", rows, schemas.QUERIES)
    candidates = [{"image_id": name, "group": group, "shard": 0, "key": name, "crop": None} for name, group in gallery]
    files.write_rows(folder / "gallery/benchmark=own/gallery.parquet", candidates, schemas.GALLERY)


def both_ways(
    root: Path, capsys, query_ids: list[str], images: list[str], scores: np.ndarray
) -> list[dict[str, float]]:
    """Figures of features whose products are some scores [n_queries, n_images], and of the same as a TREC run."""
    with inside(root):
        # Scores of queries against unit vectors, all of one length, so that normalising changes no order.
        rest = np.sqrt(scores.shape[1] - (scores**2).sum(axis=1, keepdims=True))
        np.save("q.npy", np.hstack([scores, rest]).astype(np.float32))
        np.save("g.npy", np.eye(scores.shape[1], scores.shape[1] + 1, dtype=np.float32))
        lines = [
            f"{query} Q0 {image} 1 {score} x"
            for query, of_query in zip(query_ids, scores, strict=True)
            for image, score in zip(images, of_query, strict=True)
            if np.isfinite(score)
        ]
        Path("run.trec").write_text("\n".join(lines))
        ways = (["--queries", "q.npy", "--gallery", "g.npy"], ["--ranking", "run.trec"])
        outs = []
        for words in ways:
            status, out, err = score(capsys, *words, benchmark="own")
            assert status == 0, err
            outs.append(printed(out))
        return outs


@pytest.mark.parametrize(("ties", "first"), [("gallery", 0.0), ("target", 100.0)])
def test_equal_scores_are_decided_as_the_benchmark_says(tmp_path: Path, capsys, ties: str, first: float):
    benchmark_of(tmp_path, [asked("q", "", "b", None)], [("a", ""), ("b", ""), ("c", "")], ties=ties)
    for figures in both_ways(tmp_path, capsys, ["q"], ["a", "b", "c"], np.array([[0.5, 0.5, 0.0]])):
        assert figures == {"R@1": first, "R@2": 100.0}


def test_a_query_s_own_gallery_is_all_that_it_ranks(tmp_path: Path, capsys):
    rows = [asked("q", "", "c", ["c", "d"]), asked("r", "", "a", ["b", "a"])]
    benchmark_of(tmp_path, rows, [(name, "") for name in "abcd"])
    with inside(tmp_path):
        np.save("q.npy", np.array([[0.9, 0.8, 0.2, 0.1], [0.1, 0.2, 0.9, 0.8]], np.float32))
        np.save("g.npy", np.eye(4, dtype=np.float32))
        out = score(capsys, "--queries", "q.npy", "--gallery", "g.npy", benchmark="own")[1]
        assert printed(out) == {"R@1": 50.0, "R@2": 100.0}
        Path("run.trec").write_text("q Q0 c 1 2 x\nq Q0 d 2 1 x\nr Q0 b 1 2 x\nr Q0 a 2 1 x\n")
        assert printed(score(capsys, "--ranking", "run.trec", benchmark="own")[1]) == {"R@1": 50.0, "R@2": 100.0}
        Path("run.trec").write_text("q Q0 a 1 2 x\nr Q0 b 1 2 x\n")
        assert "query q names a, no candidates" in score(capsys, "--ranking", "run.trec", benchmark="own")[2]


def test_a_group_ranks_its_own_images_and_the_mean_of_groups_is_plain(tmp_path: Path, capsys):
    rows = [asked("q", "dress", "b", None), asked("r", "shirt", "b", None), asked("s", "shirt", "c", None)]
    gallery = [("a", "dress"), ("b", "dress"), ("b", "shirt"), ("c", "shirt")]
    benchmark_of(tmp_path, rows, gallery, metrics=["R@1"])
    with inside(tmp_path):
        np.save("q.npy", np.array([[0.9, 0.8, 0.99], [0.9, 0.8, 0.1], [0.9, 0.8, 0.1]], np.float32))
        np.save("g.npy", np.eye(3, dtype=np.float32))  # a, b, c: an image of two groups once
        status, out, err = score(capsys, "--queries", "q.npy", "--gallery", "g.npy", benchmark="own")
    assert status == 0, err
    # dress: a before b, so 0; shirt: b before c, so 1 of 2.
    figures = [float(line.split()[-3]) for line in out.splitlines() if "R@1" in line]
    assert sorted(figures) == [0.0, 25.0, 50.0]


def test_options_that_say_nothing_to_score_are_refused(project: Path, capsys):
    for words in ([], ["--queries", "q.npy"], ["--queries", "q.npy", "--gallery", "g.npy", "--ranking", "r.trec"]):
        status, _, err = score(capsys, *words)
        assert status == 1
        assert "give features (--queries and --gallery), or --ranking" in err
    status, _, err = score(capsys, "--ranking", "r.trec", benchmark="circo_val")
    assert "no benchmark is called 'circo_val'; there are cirr_val, cirr_test1" in err


def test_scoring_needs_no_torch(project: Path):
    ranking = str(SCALE / f"rankings/{RUN}/rankings.parquet")
    words = ["score", "--benchmark", "cirr_val", "--resamples", "10", "--ranking", ranking]
    script = f"""
import sys
from cirque.__main__ import main
assert main({words}) == 0
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_files_that_are_no_features_are_refused_by_their_names(project: Path, capsys):
    gallery = save(project / "g.npy", *images())
    save_file({"features": np.ones((40, 8), np.float32)}, project / "q.safetensors", {"ids": "7"})
    pq.write_table(pa.table({"id": ["a", "b"], "feature": [[1.0], [1.0, 2.0]]}), project / "q.parquet")
    for name, words in (("q.safetensors", "no JSON list"), ("q.parquet", "no lists of numbers of one length")):
        code, _, err = score(capsys, "--queries", project / name, "--gallery", gallery)
        assert code != 0
        assert words in err
        assert name in err
