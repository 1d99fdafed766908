"""explain: one figure, its trace, and what there is when none or several fit."""

import json
import shutil

import pytest

from tests.evaluated import SCALE, inside, run

COPY = "results/table_cirr.parquet"


@pytest.fixture
def project(evaluated, tmp_path):
    """The evaluated project with the table's copy, as the workflow leaves it."""
    shutil.copytree(evaluated, tmp_path / "project", copy_function=shutil.copy2)
    with inside(tmp_path / "project"):
        shutil.copy(SCALE / "table_cirr.parquet", COPY)
        yield


def explain(capsys, *words, table=COPY):
    status = run("explain", table, *words)
    streams = capsys.readouterr()
    return status, streams.out, streams.err


CELL = ("--split", "val", "--backbone", "tiny", "--method", "searle", "--metric", "R@10")


def test_a_figure_is_traced_from_the_copy_to_the_first_input(project, capsys):
    status, out, _ = explain(capsys, *CELL)
    assert status == 0
    assert out.startswith("R@10 = ")
    for words in (
        f"{SCALE}/table_cirr.parquet", "--remove-reference True", "--bootstrap-seed 0", "as today",
        "queries/benchmark=cirr_val/queries.parquet", "torch ", "open_clip_torch ", "machine: ",
    ):  # fmt: skip
        assert words in out
    assert "method=image-only" not in out
    assert "benchmark=cirr_test1" not in out
    assert "5 files of other runs" in out


def test_a_changed_input_is_stated(project, capsys):
    queries = SCALE / "queries/benchmark=cirr_val/queries.parquet"
    queries.write_bytes(queries.read_bytes() + b"more")
    assert "queries.parquet" in next(line for line in explain(capsys, *CELL)[1].splitlines() if "changed since" in line)


def test_a_figure_may_be_asked_for_by_the_papers_names(project, capsys):
    words = ("--split", "test1", "--backbone", "ViT-B/32", "--method", "SEARLE", "--metric", "R@10")
    status, out, _ = explain(capsys, *words)
    assert status == 0
    assert "SEARLE Table 2, SEARLE: 66.82; mini: generated pictures" in out


def test_json_holds_the_same_for_a_machine(project, capsys):
    status, out, _ = explain(capsys, *CELL, "--json", True)
    stated = json.loads(out)
    assert status == 0
    assert stated["cell"][0]["metric"] == "R@10"
    metrics = next(node for node in stated["trace"]["inputs"] if node["path"].endswith("metrics.parquet"))
    assert metrics["run"]["stage"] == "evaluate"
    assert metrics["state"] == "same"
    assert len(metrics["sha256"]) == 64
    assert metrics["run"]["libraries"]["torch"]


def test_an_unknown_figure_lists_what_there_is(project, capsys):
    status, _, err = explain(capsys, "--method", "nowhere")
    assert status == 1
    assert "--method image-only | searle | upper-bound" in err
    assert "--backbone tiny" in err
    assert "--split test1 | val" in err


def test_of_several_figures_one_must_be_chosen(project, capsys):
    status, _, err = explain(capsys, "--method", "searle", "--metric", "R@10")
    assert status == 1
    assert "2 measured figures fit; choose\n  --split test1 | val" in err
    assert "--metric" not in err


def test_a_figure_that_was_not_measured_says_why(project, capsys):
    status, _, err = explain(capsys, "--method", "PALAVRA", "--metric", "R@1")
    assert status == 1
    assert "cannot run here: this table does not run palavra" in err


def test_many_files_of_one_folder_are_stated_in_one_line(project, capsys):
    record = json.loads((SCALE / "settings.json").read_text())
    for number in range(6):
        (SCALE / f"extra{number}.json").write_text(json.dumps(record))
    path = SCALE / "table_cirr.parquet.run.json"
    stated = json.loads(path.read_text())
    from cirque.store import provenance  # noqa: PLC0415

    extra = [SCALE / f"extra{number}.json" for number in range(6)]
    stated["inputs"] += [{"path": str(file), "sha256": provenance.sha256(file)} for file in extra]
    path.write_text(json.dumps(stated))
    out = explain(capsys, *CELL)[1]
    assert f"{SCALE}/: 7 files, all the same" in out
    extra[0].write_text("{}")
    assert f"{SCALE}/: 7 files, {extra[0]} changed since" in explain(capsys, *CELL)[1]
