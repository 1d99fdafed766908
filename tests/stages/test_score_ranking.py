"""A ranking that others computed stands beside the methods' with the figures that the workflow gives the same one."""

import json
import shutil

import pytest

from cirque.store import files, schemas
from tests.evaluated import SCALE, inside, run

RUN = "benchmark={}/backbone=tiny/method={}/seed=0"


@pytest.fixture
def project(evaluated, tmp_path):
    shutil.copytree(evaluated, tmp_path / "project", copy_function=shutil.copy2)
    with inside(tmp_path / "project"):
        yield tmp_path / "project"


def score(benchmark, split, metrics, ranked):
    protocol = ["--benchmark", benchmark, "--split", split, "--metrics", *metrics, "--remove-reference", "True"]
    drawn = ["--resamples", 1000, "--bootstrap-seed", 0, "--level", 0.95]
    asked = SCALE / f"queries/benchmark={benchmark}/queries.parquet"
    gallery = SCALE / f"gallery/benchmark={benchmark}/gallery.parquet"
    whose = ["--backbone", "tiny", "--method", "mine", "--seed", 0, "--output", SCALE]
    return run("score_ranking", "--ranked", ranked, "--queries", asked, "--gallery", gallery, *protocol, *drawn, *whose)


def figures(method):
    rows = files.read_table(SCALE / f"metrics/{RUN.format('cirr_val', method)}/metrics.parquet").to_pylist()
    return {row["metric"]: row["value"] for row in rows}


def test_a_list_has_the_figures_of_the_ranking_that_it_was_made_of(project):
    rows = files.read_table(SCALE / f"rankings/{RUN.format('cirr_val', 'searle')}/rankings.parquet").to_pylist()
    files.write_json(project / "lists.json", {row["query_id"]: row["top_ids"] for row in rows})
    assert score("cirr_val", "val", ["R@1", "R@10"], project / "lists.json") == 0
    assert figures("mine") == {name: figures("searle")[name] for name in ("R@1", "R@10")}
    kept = files.read_table(SCALE / f"rankings/{RUN.format('cirr_val', 'mine')}/rankings.parquet")
    assert kept.schema.equals(schemas.RANKINGS)
    record = json.loads((SCALE / f"metrics/{RUN.format('cirr_val', 'mine')}/metrics.parquet.run.json").read_text())
    assert "lists.json" in " ".join(entry["path"] for entry in record["inputs"])


def test_a_benchmark_whose_answers_are_hidden_measures_nothing(project, capsys):
    path = SCALE / "queries/benchmark=cirr_val/queries.parquet"
    asked = [{**row, "target_ids": []} for row in files.read_table(path).to_pylist()]
    files.write_rows(path, asked, schemas.QUERIES)
    files.write_json(project / "lists.json", {row["query_id"]: ["i60"] for row in asked})
    assert score("cirr_val", "val", ["R@1"], project / "lists.json") == 1
    assert "the answers of cirr_val are hidden" in capsys.readouterr().err
    assert not (SCALE / f"metrics/{RUN.format('cirr_val', 'mine')}").exists()
