"""The stage train_network with the trainer combiner: what it leaves behind, again and after a kill."""

from pathlib import Path

import pytest
import torch

from cirque.networks import combiner, phi
from cirque.store import files, schemas
from cirque.trainers import combiner as trainer
from tests import small_searle
from tests.stages.network_stage import outputs, stage_of

SETTINGS = trainer.Settings(
    projection_dim=9, hidden_dim=11, dropout=0.5, epochs=2, batch=4, learning_rate=0.01, scale=100.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train_combiner")
    small_searle.write_backbone(root)
    small_searle.write_images(root)
    names = small_searle.IMAGES
    rows = [
        {"reference_id": name, "captions": ["is red", f"has {place} wheels"], "target_id": names[place - 1]}
        for place, name in enumerate(names)
    ]
    files.write_rows(root / "triplets.parquet", rows, schemas.TRIPLETS)
    return root


def run(folder: Path, out: Path, seed: int = 0) -> bytes:
    stage_of("combiner")(
        triplets=folder / "triplets.parquet",
        features=sorted((folder / "features").glob("*.parquet")),
        weights=folder / "weights.safetensors",
        settings=SETTINGS,
        seed=seed,
        threads=1,
        device="cpu",
        **outputs(out),
    )
    return (out / "phi.safetensors").read_bytes()


def test_it_writes_a_combiner_with_its_description_and_its_losses(folder: Path, tmp_path: Path) -> None:
    first = run(folder, tmp_path)
    network = combiner.load(tmp_path / "phi.safetensors", torch.device("cpu"))
    assert network.sizes() == {"dim": small_searle.DIM, "projection_dim": 9, "hidden_dim": 11}
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    assert (described["architecture"], described["trainer"], described["seed"]) == ("combiner", "combiner", 0)
    assert described["n_triplets"] + described["n_left_out"] == len(small_searle.IMAGES)
    assert described["settings"]["hidden_dim"] == 11
    log = files.read_table(tmp_path / "training.parquet").to_pylist()
    assert [row["epoch"] for row in log] == [0, 1]
    assert described["final_losses"] == {"contrastive": log[-1]["value"]}
    assert not (tmp_path / "work").exists()
    assert run(folder, tmp_path / "again") == first
    assert run(folder, tmp_path / "other", seed=1) != first
