"""Supervised compositions by the real Snakefile: from nothing to TIRG's tables."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from PIL import Image

from cirque.encoders import composers
from tests.workflow.conftest import Project, make_project

pytestmark = pytest.mark.workflow

HERE = Path(__file__).parent
TABLES = [
    f"results/table_{name}.parquet"
    for name in ("tirg_css", "tirg_mitstates", "tirg_mitstates_novel", "tirg_fashion200k")
]

TENTH = '''"""Mean: half the image, half the text."""

from torch import nn


class Mean(nn.Module):
    """The mean of both features."""

    def forward(self, query):
        return (query.image + query.text) / 2


def build(sizes):
    """A network without weights."""
    return Mean()
'''


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **below,
        **{
            key: laid_over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
            for key, value in above.items()
        },
    }


def configure(project: Project, **changes: Any) -> None:
    """Write tiny.yaml with tests/workflow/tirg.yaml laid over it."""
    layers = [yaml.safe_load((HERE / name).read_text()) for name in ("tiny.yaml", "tirg.yaml")]
    config = laid_over(laid_over(*layers), changes)
    (project.root / "tiny.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose tables of TIRG are made; not to be changed by a test."""
    pytest.importorskip("mitsuba", reason="needs mitsuba, which draws CSS in 3D")
    project = make_project(tmp_path_factory.mktemp("trained") / "project")
    configure(project)
    done = project.snakemake("-c4", *TABLES)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return project


def rows(project: Project, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(project.root / f"results/table_{table}.parquet").to_pylist()
    return found


def test_each_table_holds_its_measured_rows(trained: Project) -> None:
    measured = {
        table: {(row["method"], row["benchmark"]) for row in rows(trained, table) if row["measured"] is not None}
        for table in ("tirg_css", "tirg_mitstates", "tirg_mitstates_novel", "tirg_fashion200k")
    }
    of_css = ["trained-image-only", "concatenate", "film", "tirg"]
    assert measured["tirg_css"] == {(method, benchmark) for method in of_css for benchmark in ("css_3d", "css_2d")}
    assert measured["tirg_mitstates"] == {(method, "mitstates") for method in ("attribute-operator", "tirg")}
    assert measured["tirg_mitstates_novel"] == {("tirg", "mitstates_pairs")}
    assert {method for method, _ in measured["tirg_fashion200k"]} == {"tirg", "tirg-last-fc"}


def test_published_figures_stand_beside_ours(trained: Project) -> None:
    (found,) = [
        row
        for row in rows(trained, "tirg_css")
        if (row["method"], row["split"], row["metric"], row["table"]) == ("tirg", "test_3d", "R@1", "Table 4")
    ]
    assert found["published"] == 73.7
    assert found["verdict"] == "mini"
    assert found["measured"] is not None


@pytest.mark.parametrize(("benchmark", "references"), [("css_3d", "images"), ("css_2d", "images_2d")])
def test_recall_is_that_of_a_plain_search_over_the_files(trained: Project, benchmark: str, references: str) -> None:
    """Pictures are read from their files, one by one, and nothing of shards, decoded images or rankings is used."""
    scale, files = trained.root / "results/scale=tiny", trained.root / "data/tiny/css"
    run = "backbone=tiny-resnet/method=tirg/seed=0"
    (weights,) = scale.glob(f"composers/training={benchmark}/method=tirg/**/weights.safetensors")
    composer = composers.load(weights, torch.device("cpu"))

    def picture(folder: str, name: str) -> np.ndarray:
        return np.asarray(Image.open(files / folder / f"{name}.png").convert("RGB"))[None]

    names = sorted(path.stem for path in (files / "images").glob("css_test_*.png"))
    gallery = {name: composer.encode_images(picture("images", name))[0] for name in names}
    asked = pq.read_table(scale / f"queries/benchmark={benchmark}/queries.parquet").to_pylist()
    found = []
    for query in asked:
        reference = query["reference_id"]
        composed = composer.compose(picture(references, reference), np.array([0]), query["captions"])[0]
        scores = {name: float(composed @ x / np.linalg.norm(x)) for name, x in gallery.items() if name != reference}
        found.append(max(scores, key=lambda name: scores[name]) in query["target_ids"])
    metrics = pq.read_table(scale / f"metrics/benchmark={benchmark}/{run}/metrics.parquet").to_pylist()
    (measured,) = [row["value"] for row in metrics if row["metric"] == "R@1"]
    assert measured == pytest.approx(100 * np.mean(found))


def test_methods_of_equal_settings_are_trained_once(trained: Project) -> None:
    cards = sorted(
        (trained.root / "results/scale=tiny/composers/training=fashion200k").glob("method=*/**/weights.json")
    )
    assert [path.parents[2].name for path in cards] == ["method=tirg"]
    figures = {row["method"]: row["measured"] for row in rows(trained, "tirg_fashion200k") if row["metric"] == "R@1"}
    assert figures["tirg"] == figures["tirg-last-fc"]


def test_a_composer_keeps_its_vocabulary_and_how_it_was_trained(trained: Project) -> None:
    (card,) = (trained.root / "results/scale=tiny/composers/training=css_2d/method=tirg").glob("**/weights.json")
    record = json.loads(card.read_text())
    assert "make" in record["words"]
    assert record["words"] == sorted(record["words"])
    assert record["has_reference_trunk"]
    assert record["training"]["optimiser"] == "adamw"


def test_nothing_is_left_to_do(trained: Project) -> None:
    done = trained.snakemake("-n", "-c2", *TABLES)
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_changed_setting_trains_that_method_alone(trained: Project, tmp_path: Path) -> None:
    project = trained.copy_to(tmp_path / "project")
    configure(project, methods={"film": {"label": "FiLM", "composition": "film", "settings": {"steps": 5}}})
    done = project.snakemake("-n", "-c2", *TABLES)
    assert done.stdout.count("rule train_composer") == 2, done.stdout  # of css_3d and css_2d


def test_a_tenth_composition_is_one_file_and_one_entry(trained: Project, tmp_path: Path) -> None:
    project = trained.copy_to(tmp_path / "project")
    (project.root / "src/cirque/compositions/mean.py").write_text(TENTH)
    configure(
        project,
        methods={"half-and-half": {"label": "Half and half", "composition": "mean"}},
        tables={"tirg_mitstates": {"methods": ["attribute-operator", "tirg", "half-and-half"]}},
    )
    done = project.snakemake("-c2", "results/table_tirg_mitstates.parquet")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    measured = {row["method"] for row in rows(project, "tirg_mitstates") if row["measured"] is not None}
    assert measured == {"attribute-operator", "tirg", "half-and-half"}


def test_a_renderer_that_does_not_start_is_named_with_the_cure(trained: Project, tmp_path: Path) -> None:
    project = trained.copy_to(tmp_path / "project")
    (project.root / "src/mitsuba.py").write_text("raise ImportError('no renderer here')\n")
    done = project.snakemake("-c2", "-R", "render_css", "--", "results/table_tirg_css.parquet")
    assert done.returncode != 0
    assert "does not start here (no renderer here); pip install --upgrade mitsuba" in done.stdout + done.stderr
