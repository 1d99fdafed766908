"""The real Snakefile, from nothing to the table, and what a change makes it run again."""

from pathlib import Path

import duckdb
import pytest

from cirque.store.files import read_table

from .conftest import TABLE, Project, make_project

pytestmark = pytest.mark.workflow


def test_table_holds_every_method_on_both_splits(finished: Project):
    table = read_table(finished.root / TABLE).to_pylist()
    measured = {(row["method"], row["split"], row["metric"]) for row in table if row["measured"] is not None}
    methods = [
        "image-only",
        "text-only",
        "image-text",
        "captioning",
        "pic2word",
        "searle-oti",
        "searle",
        "lincir",
        "combiner-cirr",
        "upper-bound",
    ]
    metrics = ["R@1", "R@5", "R@10", "R@50", "R_subset@1", "R_subset@2", "R_subset@3"]
    assert measured >= {
        (method, split, metric) for method in methods for split in ("val", "test1") for metric in metrics
    }


def test_published_figures_stand_beside_and_are_never_the_measured_ones(finished: Project):
    rows = [row for row in read_table(finished.root / TABLE).to_pylist() if row["published"] is not None]
    searle = next(
        row
        for row in rows
        if (row["paper"], row["method"], row["backbone"], row["metric"]) == ("SEARLE", "searle", "ViT-B/32", "R@10")
    )
    assert searle["published"] == 66.82
    assert searle["verdict"] == "mini"
    assert all(row["measured"] is None for row in rows if row["verdict"] == "cannot run here")


def test_second_run_has_nothing_to_do_and_says_so(project: Project):
    done = project.snakemake("-c8", TABLE)
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_changed_hyperparameter_reruns_what_depends_on_it_and_nothing_else(project: Project):
    project.configure(networks__searle__temperature=0.5)
    planned = project.planned()
    assert planned == {
        "train_network": 1,
        "evaluate_cirr_val-tiny-B-1": 1,
        "evaluate_cirr_test1-tiny-B-1": 1,
        "build_table": 1,
        "write_page": 1,
        "publish_table": 1,
    }


def test_changed_key_that_nothing_depends_on_reruns_nothing(project: Project):
    project.configure(
        backbones__other={
            "stands_for": "x",
            "model": "ViT-B-32",
            "weights": {"source": "pretrained", "tag": "openai"},
        }
    )
    assert set(project.planned()) <= {"write_settings", "build_table", "write_page", "publish_table"}


def test_changed_module_reruns_what_imports_it_and_nothing_else(project: Project):
    module = project.root / "src/cirque/methods/text_only.py"
    module.write_text(module.read_text() + "\nUNUSED = 1\n")
    planned = project.planned()
    assert planned["evaluate_cirr_val-tiny-B-1"] == planned["evaluate_cirr_test1-tiny-B-1"] == 1
    assert "invert_images" not in planned
    assert "extract_features" not in planned


def test_changed_comment_reruns_nothing(project: Project):
    module = project.root / "src/cirque/inversion/oti.py"
    module.write_text(module.read_text() + "\n# a remark\n")
    assert project.planned() == {}


def test_another_seed_adds_its_own_outputs(project: Project):
    before = list((project.root / "results").rglob("*.parquet"))
    project.configure(run__seeds=[0, 7])
    planned = project.planned()
    assert planned["train_network"] == 5  # SEARLE, LinCIR, Pic2Word, PALAVRA, the Combiner
    assert planned["invert_images"] == 7
    assert "extract_features" not in planned
    assert all(path.exists() for path in before)


def test_two_configurations_never_share_an_output(project: Project):
    project.configure(scale="other", data_root="data/other")
    planned = project.planned()
    assert planned["generate_cirr"] == 1
    assert planned["extract_features"] == 6


def test_database_opens_with_views_over_everything(finished: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(finished.root)
    with duckdb.connect("results/cirque.duckdb", read_only=True) as database:
        recall = database.sql(
            "SELECT value FROM metrics WHERE method = 'upper-bound' AND metric = 'R@50' AND benchmark = 'cirr_val'"
        )
        assert len(recall.fetchall()) == 1
        assert database.sql("SELECT count(*) FROM rankings").fetchall() == [(12 * 11 * 2,)]


def test_refused_configuration_ends_before_any_job(project: Project):
    project.configure(inversions__oti__steps=0)
    done = project.snakemake("-c2", TABLE)
    assert done.returncode != 0
    assert "inversions.oti.steps: 0 is less than the minimum of 1" in done.stdout + done.stderr


def test_a_run_that_no_table_lists_has_its_files_for_the_test_server(tmp_path: Path):
    project = make_project(tmp_path / "project")
    project.configure(methods__toy={"label": "Toy", "compose": "image-only"})
    run = "benchmark=cirr_test1/backbone=tiny-B/method=toy/seed=0"
    done = project.snakemake("-n", f"results/scale=tiny/submissions/{run}/recall.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule evaluate_run_cirr:" in done.stdout
    assert f"results/scale=tiny/metrics/{run}/metrics.parquet" in done.stdout


def test_paper_scale_plans_its_jobs(project: Project):
    done = project.snakemake(
        "-n", "-p", "-c2", TABLE, "--configfile", "config/paper.yaml", "--config", "missing_data=refuse"
    )
    assert done.returncode == 0, done.stderr
    assert "invert_images" in done.stdout
    assert "upper" not in done.stdout
    assert "--precision tf32" in done.stdout
