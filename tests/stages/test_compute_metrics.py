"""The stage metrics: a row a group and metric with its interval; nothing for a hidden split."""

import pytest

from cirque.store import files, schemas
from tests.evaluated import run


def rankings(path, ranks, groups=None, subset_rank=1):
    rows = [
        {
            "query_id": f"q{i}",
            "group": groups[i] if groups else None,
            "target_ranks": of_query,
            "subset_rank": subset_rank,
        }
        for i, of_query in enumerate(ranks)
    ]
    files.write_rows(path / "rankings", rows, schemas.RANKINGS)


def measure(path, *metrics):
    status = run(
        "compute_metrics", "--rankings", path / "rankings", "--benchmark", "cirr_val", "--split", "val",
        "--backbone", "tiny", "--method", "searle", "--seed", 3, "--metrics", *(metrics or ["R@1", "R@5"]),
        "--resamples", 200, "--bootstrap-seed", 0, "--level", 0.95, "--output", path / "metrics",
    )  # fmt: skip
    return files.read_table(path / "metrics").to_pylist() if status == 0 else status


def test_a_row_a_metric_in_the_order_asked(tmp_path):
    rankings(tmp_path, [[1], [4], [9], [2]])
    rows = measure(tmp_path, "R@5", "R_subset@1", "R@1")
    assert [(row["metric"], row["value"], row["n_queries"]) for row in rows] == [
        ("R@5", 75.0, 4), ("R_subset@1", 100.0, 4), ("R@1", 25.0, 4),
    ]  # fmt: skip
    assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in rows)
    assert {(row["benchmark"], row["split"], row["group"], row["method"], row["seed"]) for row in rows} == {
        ("cirr_val", "val", "", "searle", 3)
    }


def test_each_group_is_measured_by_itself_and_the_average_is_the_plain_mean_of_groups(tmp_path):
    rankings(tmp_path, [[1], [9], [1]], groups=["shirt", "dress", "shirt"])
    rows = measure(tmp_path, "R@1")
    assert [(row["group"], row["value"], row["n_queries"]) for row in rows] == [
        ("dress", 0.0, 1),
        ("shirt", 100.0, 2),
        ("Average", 50.0, 3),
    ]


def test_the_average_is_surer_than_its_groups(tmp_path):
    rankings(tmp_path, [[1], [9]] * 60, groups=["shirt", "shirt", "dress", "dress", "toptee", "toptee"] * 20)
    widths = {row["group"]: row["ci_high"] - row["ci_low"] for row in measure(tmp_path, "R@1")}
    of_groups = [widths[name] for name in ("dress", "shirt", "toptee")]
    assert widths["Average"] == pytest.approx(sum(width**2 for width in of_groups) ** 0.5 / 3, rel=0.15)


def test_equal_rankings_give_equal_bytes(tmp_path):
    rankings(tmp_path, [[i % 13 + 1] for i in range(100)])
    measure(tmp_path)
    first = (tmp_path / "metrics").read_bytes()
    measure(tmp_path)
    assert (tmp_path / "metrics").read_bytes() == first


def test_a_hidden_split_gives_no_rows_and_says_so(tmp_path, capsys):
    rankings(tmp_path, [[], []], subset_rank=None)
    assert measure(tmp_path) == []
    assert "hidden" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ranks", "metric", "words"),
    [
        ([[1]], "R@x", "no metric is called 'R@x'"),
        ([[1]], "R_subset@1", "R_subset@1 applies to no query"),
        ([[1]], "mAP@5[negation]", r"mAP@5[negation] applies to no query"),
        ([], "R@1", "holds no query"),
        ([[1], []], "R@1", "first: q1"),
    ],
)
def test_what_cannot_be_measured_is_refused_and_nothing_is_written(tmp_path, capsys, ranks, metric, words):
    rankings(tmp_path, ranks, subset_rank=None)
    assert measure(tmp_path, metric) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "metrics").exists()
