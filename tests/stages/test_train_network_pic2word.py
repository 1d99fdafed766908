import dataclasses
from pathlib import Path

import pytest
import torch

from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.store import files, schemas, vectors
from cirque.trainers import pic2word as pic2word_training
from tests import small_searle
from tests.stages.network_stage import kill_training, trained

SETTINGS = pic2word_training.Settings(
    architecture="pic2word",
    n_layers=2,
    middle_dim=12,
    epochs=3,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.1,
    dropout=0.1,
    warmup=2,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train_pic2word")
    small_searle.write_backbone(root)
    small_searle.write_images(root)
    return root


def shards(folder: Path) -> list[Path]:
    return sorted((folder / "features").glob("*.parquet"))


def inputs(folder: Path) -> dict[str, list[Path] | Path]:
    return {"features": shards(folder), "weights": folder / "weights.safetensors"}


def run(
    folder: Path, out: Path, settings: pic2word_training.Settings = SETTINGS, features: list[Path] | None = None
) -> bytes:
    return trained("pic2word", out, inputs(folder) | ({"features": features} if features else {}), settings)


def test_phi_comes_with_its_description_and_its_training_log(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    log = files.read_table(tmp_path / "training.parquet")
    assert log.schema.equals(schemas.TRAINING)
    assert log.num_rows == 3
    assert described["settings"] == dataclasses.asdict(SETTINGS)
    assert (described["architecture"], described["n_layers"], described["middle_dim"]) == ("pic2word", 2, 12)
    assert (described["dim"], described["token_dim"]) == (small_searle.DIM, small_searle.TOKEN_DIM)
    assert (described["source"], described["backbone"], described["seed"]) == ("trained", "small", 0)
    assert described["final_losses"] == {"contrastive": log["value"].to_pylist()[-1]}
    assert not (tmp_path / "work").exists()


def test_images_that_failed_are_left_out_and_counted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    assert (described["n_images"], described["n_failed"]) == (11, 1)
    assert "12 images, 1 of them failed and left out" in capsys.readouterr().err


def test_the_description_tells_that_each_image_had_one_cached_view(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    assert phi.read_side_car(tmp_path / "phi.safetensors")["views"] == "cached"


def test_the_trained_phi_is_loaded_as_what_it_is(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path, dataclasses.replace(SETTINGS, architecture="linear", n_layers=1))
    network = phi.load(tmp_path / "phi.safetensors", torch.device("cpu"))
    assert network.architecture == "linear"
    assert network.widths() == {"n_layers": 1, "middle_dim": 12}


def test_how_images_are_sharded_changes_no_bit(folder: Path, tmp_path: Path) -> None:
    names, features = vectors.read(shards(folder), "image_id", "feature")
    together = tmp_path / "features.parquet"
    write_features(together, names, ["ok"] * len(names), features)
    assert run(folder, tmp_path / "one", features=[together]) == run(folder, tmp_path / "two")


def test_a_training_that_fails_leaves_nothing_under_its_outputs_names(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="the losses are"):
        run(folder, tmp_path, dataclasses.replace(SETTINGS, learning_rate=1e30, epochs=20))
    assert not (tmp_path / "phi.safetensors").exists()
    assert not (tmp_path / "training.parquet").exists()


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=400)
    (state,) = kill_training("pic2word", tmp_path, inputs(folder), settings, "*.safetensors")
    resumed = run(folder, tmp_path, settings)
    assert not state.exists()
    assert resumed == run(folder, tmp_path / "whole", settings)
    assert (tmp_path / "training.parquet").read_bytes() == (tmp_path / "whole" / "training.parquet").read_bytes()
