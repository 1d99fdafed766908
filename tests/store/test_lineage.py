"""Lineage: records are followed to the first inputs, and each file is held against what was read."""

import json
import shutil

import pytest

from cirque.store import lineage, provenance
from tests.evaluated import METRICS, SCALE, inside

TABLE = SCALE / "table_cirr.parquet"


@pytest.fixture
def project(evaluated, tmp_path):
    """A copy of the evaluated project to alter."""
    shutil.copytree(evaluated, tmp_path / "project", copy_function=shutil.copy2)
    with inside(tmp_path / "project"):
        yield


def test_a_table_leads_back_to_the_first_inputs(project):
    paths = {node.path: node for node in lineage.trace(TABLE).walk()}
    metrics = paths[str(SCALE / "metrics/benchmark=cirr_val/backbone=tiny/method=searle/seed=0/metrics.parquet")]
    assert metrics.record["stage"] == "evaluate"
    assert {path.split("/")[-1] for path in (node.path for node in metrics.inputs)} == {
        "00000.parquet", "00001.parquet", "gallery.parquet", "queries.parquet", "metrics.sql",
    }  # fmt: skip
    assert {node.state for node in paths.values()} == {lineage.SAME}
    assert all(node.code_is_todays for node in paths.values() if node.record)


def test_a_file_read_by_several_runs_is_stated_once(project):
    gallery = str(SCALE / "gallery/benchmark=cirr_val/gallery.parquet")
    metrics = str(SCALE / "metrics/benchmark=cirr_val/backbone=tiny/method=searle/seed=0/metrics.parquet")
    nodes = list(lineage.trace(TABLE).walk())
    assert [node.path for node in nodes].count(metrics) == 1
    assert len([node for node in nodes if node.path == gallery and node.inputs]) <= 1


def test_changed_and_missing_files_are_stated(project):
    queries = SCALE / "queries/benchmark=cirr_val/queries.parquet"
    gallery = SCALE / "gallery/benchmark=cirr_val/gallery.parquet"
    queries.write_bytes(queries.read_bytes() + b"more")
    gallery.unlink()
    states = {node.path: node.state for node in lineage.trace(TABLE).walk()}
    assert (states[str(queries)], states[str(gallery)]) == (lineage.CHANGED, lineage.MISSING)


def test_an_altered_stage_file_is_stated_although_its_record_stays(project):
    metrics = SCALE / "metrics/benchmark=cirr_val/backbone=tiny/method=searle/seed=0/metrics.parquet"
    metrics.write_bytes(metrics.read_bytes() + b"more")
    states = {node.path: node.state for node in lineage.trace(TABLE).walk()}
    assert states[str(metrics)] == lineage.CHANGED


def test_code_that_changed_since_is_stated(project):
    record = provenance.record_path(TABLE)
    record.write_text(record.read_text().replace(json.loads(record.read_text())["code_version"], "0" * 12))
    node = lineage.trace(TABLE)
    assert node.code_is_todays is False
    assert all(below.code_is_todays for below in node.inputs if below.record)


def test_inputs_that_do_not_concern_the_figure_are_left_out(project):
    node = lineage.trace(TABLE, lambda path: "metrics.parquet" not in path or "method=searle" in path)
    assert node.left_out == 4
    assert len([below for below in node.inputs if "metrics.parquet" in below.path]) == 2


def test_settings_are_the_flags_that_are_no_files(project):
    path = SCALE / "metrics/benchmark=cirr_val/backbone=tiny/method=searle/seed=0/metrics.parquet"
    assert lineage.settings(provenance.read_record(path)) == {
        "benchmark": "cirr_val", "split": "val", "backbone": "tiny", "runs": "searle", "seed": "0",
        "remove-reference": "True", "threads": "1", "weights": "none.safetensors", "preprocess": "clip",
        "metrics": " ".join(METRICS), "resamples": "500", "bootstrap-seed": "0", "level": "0.95",
    }  # fmt: skip


def test_a_file_that_no_stage_made_ends_the_trace(project):
    node = lineage.trace(SCALE / "settings.json")
    assert (node.record, node.inputs, node.state) == (None, [], lineage.SAME)
