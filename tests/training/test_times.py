"""What a training took is summed over the records of the runs that its network rests on."""

import json

import pytest

from cirque.errors import CirqueError
from cirque.store import provenance
from cirque.training import times


def record(path, stage, seconds, inputs=(), command=None):
    """A file and the record of the run that made it."""
    path.write_text(f"{stage} {path.name}")
    described = {
        "output": {"path": str(path), "sha256": provenance.sha256(path)},
        "inputs": [{"path": str(file), "sha256": provenance.sha256(file)} for file in inputs],
        "stage": stage, "command": ["cirque", stage, command or path.name], "finished": "now",
        "seconds": seconds, "processor_seconds": 2 * seconds, "code_version": "0", "found_by_name": [],
    }  # fmt: skip
    provenance.record_path(path).write_text(json.dumps(described))
    return path


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A network on two files of tokens of one run, and features of two runs by a trained backbone."""
    monkeypatch.setattr(provenance, "code_version", lambda *names: "0")
    weights = record(tmp_path / "weights", "train_backbone", 1000)
    shards = [record(tmp_path / f"shard{i}", "shard_images", 100) for i in range(2)]
    features = [record(tmp_path / f"features{i}", "extract_features", 10 + i, [shards[i], weights]) for i in range(2)]
    tokens = [record(tmp_path / f"tokens{i}", "invert_images", 40, features, "one run") for i in range(2)]
    return record(tmp_path / "phi", "train_network", 5, [*features, *tokens, weights])


def test_every_run_below_a_network_is_counted_once_but_for_data_and_released_models(trained):
    assert times.of_network(trained) == [
        {"step": "invert_images", "n_jobs": 1, "seconds": 40, "processor_seconds": 80},
        {"step": "extract_features", "n_jobs": 2, "seconds": 21, "processor_seconds": 42},
        {"step": "train_network", "n_jobs": 1, "seconds": 5, "processor_seconds": 10},
    ]


def test_a_network_without_a_record_is_refused(trained):
    provenance.record_path(trained).unlink()
    with pytest.raises(CirqueError, match=r"phi\.run\.json: no such file; delete .*phi and run Snakemake"):
        times.of_network(trained)


def test_a_record_that_says_nothing_of_time_is_refused(trained):
    path = provenance.record_path(trained.parent / "features1")
    stated = json.loads(path.read_text())
    del stated["processor_seconds"]
    path.write_text(json.dumps(stated))
    with pytest.raises(CirqueError, match=r"features1\.run\.json: says nothing of time"):
        times.of_network(trained)
