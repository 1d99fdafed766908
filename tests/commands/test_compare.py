"""compare: pairs of methods on the same queries, from rankings to a table, and what it refuses."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cirque.evaluation.measures import Resampling, measure
from cirque.store import files, schemas
from tests.evaluated import METRICS, SCALE, inside, run

N_QUERIES = 30


@pytest.fixture
def project(tmp_path):
    """An empty project folder, in which the test works."""
    with inside(tmp_path):
        yield tmp_path


def rankings(method, ranks, *, backbone="tiny", seed=0, scale="mini", benchmark="fashioniq_val", **columns):
    """Write a ranking in which query i has its ground truth at ranks[i]; columns are [n] lists. Returns its path."""
    rows = [
        {"query_id": f"q{i}", "group": "", "tags": [], "target_ranks": [rank] if rank else [], "n_candidates": 70}
        | {name: values[i] for name, values in columns.items()}
        for i, rank in enumerate(ranks)
    ]
    run_of = f"benchmark={benchmark}/backbone={backbone}/method={method}/seed={seed}"
    path = f"results/scale={scale}/rankings/{run_of}/rankings.parquet"
    files.write_rows(Path(path), rows, schemas.RANKINGS)
    return path


def ranks(share, seed, n_queries=N_QUERIES):
    """A share of ranks within the best ten, the others far below."""
    generator = np.random.default_rng(seed)
    return np.where(generator.random(n_queries) < share, generator.integers(1, 11, n_queries), 50).tolist()


def compare(*words, benchmark="fashioniq_val", metrics=("R@10",)):
    """Rows of a comparison, or its exit status."""
    chosen = ["--metrics", *metrics] if metrics else []
    options = ["--benchmark", benchmark, *chosen, "--resamples", 300, "--output", "comparison.parquet"]
    status = run("compare", *words, *options)
    return files.read_table(Path("comparison.parquet")).to_pylist() if status == 0 else status


def refused(capsys, *words, **options):
    """The sentence with which a comparison is refused; nothing may have been written."""
    assert compare(*words, **options) == 1
    assert not Path("comparison.parquet").exists()
    return capsys.readouterr().err


# ---- the small evaluated benchmark ---------------------------------------------------------------------------------


def test_the_methods_follow_the_benchmark_on_the_command_line(evaluated, capsys):
    with inside(evaluated):
        assert run("compare", "--benchmark", "cirr_val", "searle", "image-only") == 0
    out = capsys.readouterr().out
    assert "cirr_val, tiny: searle − image-only, %" in out
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines if line and line[0] in METRICS] == METRICS
    assert "Holm over all tests of this call (7)" in out
    assert "\x1b" not in out


def test_values_are_those_of_the_metrics(evaluated, tmp_path):
    output = tmp_path / "comparison.parquet"
    words = ["--benchmark", "cirr_val", "image-only", "searle", "upper-bound", "--resamples", 500, "--output", output]
    with inside(evaluated):
        assert run("compare", *words) == 0
        measured = {
            (row["method"], row["metric"]): row["value"]
            for path in SCALE.glob("metrics/benchmark=cirr_val/**/metrics.parquet")
            for row in files.read_table(path).to_pylist()
        }
    assert pq.read_schema(output).equals(schemas.COMPARISONS)
    rows = files.read_table(output).to_pylist()
    assert len(rows) == 3 * len(METRICS)
    for row in rows:
        assert row["value_a"] == pytest.approx(measured[row["method_a"], row["metric"]])
        assert row["value_b"] == pytest.approx(measured[row["method_b"], row["metric"]])
        assert row["difference"] == row["value_a"] - row["value_b"]
        assert row["ci_low"] <= row["difference"] <= row["ci_high"]
        assert 0 < row["p_value"] <= row["p_adjusted"] <= 1
        assert (row["benchmark"], row["backbone"], row["group"], row["n_queries"]) == ("cirr_val", "tiny", "", 40)


def test_nothing_is_written_unless_asked(evaluated, tmp_path):
    shutil.copytree(evaluated / SCALE / "rankings", tmp_path / SCALE / "rankings")
    before = sorted(tmp_path.rglob("*"))
    with inside(tmp_path):
        assert run("compare", "searle", "image-only", "--benchmark", "cirr_val", "--metrics", "R@1") == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_same_call_gives_the_same_bytes(evaluated, tmp_path):
    with inside(evaluated):
        for name in ("one", "two"):
            words = ["--benchmark", "cirr_val", "--resamples", 200, "--output", tmp_path / name]
            assert run("compare", "searle", "image-only", *words) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# ---- seeds, groups, backbones --------------------------------------------------------------------------------------


def test_seeds_are_averaged_within_each_query_first(project, capsys):
    """Two seeds that answer opposite halves are worth 50 % of every query: against a constant 50, nothing is left."""
    half = [1, 50] * 20
    rankings("searle", half)
    rankings("searle", half[::-1], seed=1)
    rankings("lincir", half)
    rankings("lincir", half[::-1], seed=1)
    rankings("pic2word", [50] * 40)
    even, zero, _ = compare("searle", "lincir", "pic2word")
    assert (even["difference"], even["p_value"], even["ci_low"], even["ci_high"]) == (0, 1, 0, 0)
    assert (zero["value_a"], zero["difference"], zero["ci_low"], zero["ci_high"]) == (50, 50, 50, 50)
    out = capsys.readouterr().out
    assert "searle is the mean of 2 seeds; lincir is the mean of 2 seeds: query by query" in out


def test_groups_are_followed_by_their_plain_average(project, capsys):
    groups = ["dress"] * 5 + ["shirt"] * 10 + ["toptee"] * 15
    rankings("searle", [1] * 5 + [50] * 25, group=groups)
    rankings("lincir", [50] * 30, group=groups)
    rows = compare("searle", "lincir")
    assert [(row["group"], row["n_queries"], row["difference"]) for row in rows] == [
        ("dress", 5, 100), ("shirt", 10, 0), ("toptee", 15, 0), ("Average", 30, pytest.approx(100 / 3)),
    ]  # fmt: skip
    assert [row["p_value"] for row in rows] == [2 / 2**5, 1, 1, 2 / 2**5]
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "R@10" in line]
    assert words == ["dress", "shirt", "toptee", "Average"]


@pytest.mark.parametrize("groups", [[""] * N_QUERIES, ["dress"] * 5 + ["shirt"] * 10 + ["toptee"] * 15])
def test_an_interval_sees_the_resamples_of_the_metrics(project, groups):
    """Against a method that answers nothing, a difference is the value itself."""
    path = rankings("searle", ranks(0.5, 0), group=groups)
    rankings("nothing", [50] * N_QUERIES, group=groups)
    measured = measure(files.read_table(Path(path)), ["R@1", "R@10"], Resampling(300, 0, 0.95), path)
    figures = ("group", "metric", "n_queries", "ci_low", "ci_high")
    expected = [[row[key] for key in figures] for row in measured]
    rows = compare("searle", "nothing", metrics=["R@1", "R@10"])
    assert [[row[key] for key in figures] for row in rows] == expected


def test_each_backbone_that_has_all_methods_is_compared(project):
    for backbone in ("mini-B", "mini-L"):
        rankings("searle", ranks(0.8, 0), backbone=backbone)
        rankings("lincir", ranks(0.2, 1), backbone=backbone)
    rankings("searle", ranks(0.5, 2), backbone="mini-G")
    rows = compare("searle", "lincir")
    assert [row["backbone"] for row in rows] == ["mini-B", "mini-L"]
    assert [row["backbone"] for row in compare("searle", "lincir", "--backbone", "mini-L")] == ["mini-L"]


def test_p_is_adjusted_over_all_tests_of_the_call(project):
    for backbone in ("mini-B", "mini-L"):
        rankings("searle", [1] * 9 + [50] * 21, backbone=backbone)
        rankings("lincir", [50] * 30, backbone=backbone)
    (alone,) = compare("searle", "lincir", "--backbone", "mini-B")
    assert alone["p_adjusted"] == alone["p_value"] == 2 / 2**9
    assert [row["p_adjusted"] for row in compare("searle", "lincir", metrics=["R@1", "R@10"])] == [4 * 2 / 2**9] * 4


def test_a_difference_that_stands_after_correction_carries_a_star(project, capsys):
    """Six queries that differ have p = 0.0312: enough for one test, too little for two."""
    rankings("searle", [1] * 6 + [50] * 24)
    rankings("lincir", [50] * 30)

    def stars():
        return ["*" in line for line in capsys.readouterr().out.splitlines() if line.startswith("R@")]

    assert run("compare", "searle", "lincir", "--benchmark", "fashioniq_val", "--metrics", "R@1") == 0
    assert stars() == [True]
    assert run("compare", "searle", "lincir", "--benchmark", "fashioniq_val", "--metrics", "R@1", "R@10") == 0
    assert stars() == [False, False]


def test_a_tag_restricts_the_queries(project, capsys):
    tags = [["negation"]] * 8 + [[]] * 22
    rankings("searle", [1] * 30, tags=tags)
    rankings("lincir", [50] * 30, tags=tags)
    (row,) = compare("searle", "lincir", metrics=["R@10[negation]"])
    assert (row["n_queries"], row["p_value"]) == (8, 2 / 2**8)
    assert run("compare", "searle", "lincir", "--benchmark", "fashioniq_val", "--metrics", "R@10[negation]") == 0
    assert "R@10[negation]" in capsys.readouterr().out


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.fixture
def two(project):
    """Two methods on one backbone."""
    rankings("searle", ranks(0.8, 0))
    rankings("lincir", ranks(0.2, 1))


@pytest.mark.parametrize(
    ("words", "options", "sentence"),
    [
        (["searle"], {}, "needs two methods or more, not searle"),
        ([], {}, "needs two methods or more, not none"),
        (["searle", "lincir", "searle"], {}, "searle is named twice"),
        (["searle", "palavra"], {}, "no method 'palavra' was run on fashioniq_val; there are lincir, searle"),
        (["searle", "lincir"], {"benchmark": "cirr_val"}, "benchmark 'cirr_val'; there are fashioniq_val"),
        (["searle", "lincir", "--backbone", "giant"], {}, "no backbone 'giant' was run on fashioniq_val; there"),
        (["searle", "lincir", "--scale", "paper"], {}, "no scale is called 'paper'; there are mini"),
        (["searle", "lincir", "--results", "nowhere"], {}, "nowhere: holds no ranking"),
        (["searle", "lincir", "--level", "95"], {}, "--level 95.0: must lie between 0 and 1"),
        (["searle", "lincir"], {"metrics": ["R@x"]}, "no metric is called 'R@x'"),
        (["searle", "lincir"], {"metrics": ["mAP@5[negation]"]}, "mAP@5[negation] applies to no query"),
        (["searle", "lincir"], {"metrics": None}, "metrics.parquet: no such file; ask Snakemake for it"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_with_what_there_is(two, capsys, words, options, sentence):
    assert sentence in refused(capsys, *words, **options)


def test_resamples_must_be_some(two, capsys):
    assert run("compare", "searle", "lincir", "--benchmark", "fashioniq_val", "--resamples", 0) == 1
    assert "--resamples 0: must be at least 1" in capsys.readouterr().err


def test_methods_on_different_backbones_are_not_compared(project, capsys):
    rankings("searle", ranks(0.8, 0), backbone="mini-B")
    rankings("lincir", ranks(0.8, 0), backbone="mini-L")
    assert "mini-B has searle; mini-L has lincir" in refused(capsys, "searle", "lincir")


def test_of_several_scales_one_must_be_chosen(two, capsys):
    rankings("searle", ranks(0.8, 0), scale="paper")
    rankings("lincir", [1] * N_QUERIES, scale="paper")
    rankings("none", [], scale="none", benchmark="none")
    assert "choose one with --scale: mini, paper" in refused(capsys, "searle", "lincir")
    assert "there are mini, paper\n" in refused(capsys, "searle", "lincir", "--scale", "papre")
    (row,) = compare("searle", "lincir", "--scale", "paper")
    assert row["value_b"] == 100


def test_the_databases_empty_files_are_no_results(project, capsys):
    rankings("none", [], scale="none", benchmark="none")
    assert "results: holds no ranking; make some" in refused(capsys, "searle", "lincir")


@pytest.mark.parametrize(
    ("n_queries", "columns", "sentence"),
    [
        (3, {"query_id": ["q0", "q2", "q1"]}, "query_id of query 2 is 'q2', but 'q1' in"),
        (3, {"group": ["", "dress", ""]}, "group of query 2 (q1) is 'dress', but '' in"),
        (3, {"n_candidates": [70, 70, 69]}, "n_candidates of query 3 (q2) is 69, but 70 in"),
        (3, {"tags": [["count"], [], []]}, "tags of query 1 (q0) is ['count'], but [] in"),
        (2, {}, "has 2 queries, but results/scale=mini/rankings/benchmark=fashioniq_val/backbone=tiny/method=searle"),
        (2, {}, "(first that one lacks: q2)"),
        (4, {}, "(first that one lacks: q3)"),
    ],
)
def test_different_queries_are_refused_and_the_first_is_named(project, capsys, n_queries, columns, sentence):
    rankings("searle", [1, 2, 3])
    other = rankings("lincir", [1] * n_queries, **columns)
    stated = refused(capsys, "searle", "lincir")
    assert sentence in stated
    assert other in stated


def test_seeds_must_answer_the_same_queries_too(project, capsys):
    rankings("searle", [1, 2, 3])
    rankings("lincir", [1, 2, 3])
    other = rankings("lincir", [1, 2, 3], seed=1, query_id=["q0", "q1", "q9"])
    assert other in refused(capsys, "searle", "lincir")


def test_hidden_answers_cannot_be_compared(project, capsys):
    rankings("searle", [None] * 3)
    rankings("lincir", [None] * 3)
    assert "the answers of this split are hidden" in refused(capsys, "searle", "lincir")


def test_a_hidden_split_has_no_metrics_to_go_by(project, capsys):
    for method in ("searle", "lincir"):
        path = rankings(method, [None] * 3).replace("rankings", "metrics")
        files.write_rows(Path(path), [], schemas.METRICS)
    assert "no metric is in all of them" in refused(capsys, "searle", "lincir", metrics=None)
