import dataclasses
from pathlib import Path

import numpy as np
import pytest

from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.store import files, schemas, vectors
from cirque.trainers import searle as phi_training
from tests import small_searle
from tests.stages.network_stage import kill_training, trained

SETTINGS = phi_training.Settings(
    epochs=3,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.5,
    lambda_distil=1.0,
    lambda_gpt=0.75,
    temperature=0.25,
    n_concepts=5,
    loss="released",
    replace="all",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train_phi")
    small_searle.write_backbone(root)
    small_searle.write_images(root)
    small_searle.write_phrases(root)
    return root


def inputs(folder: Path) -> dict[str, list[Path] | Path]:
    return {
        "features": sorted((folder / "features").glob("*.parquet")),
        "tokens": sorted((folder / "tokens").glob("*.parquet")),
        "concepts": folder / "concepts.parquet",
        "phrases": sorted((folder / "phrases").glob("*.parquet")),
        "phrase_features": sorted((folder / "phrase_features").glob("*.parquet")),
        "weights": folder / "weights.safetensors",
    }


def run(folder: Path, out: Path, settings: phi_training.Settings = SETTINGS, **other: object) -> bytes:
    return trained("searle", out, {**inputs(folder), **other}, settings)


def test_phi_comes_with_its_description_and_its_training_log(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    log = files.read_table(tmp_path / "training.parquet")
    assert log.schema.equals(schemas.TRAINING)
    assert log.num_rows == 3 * 3
    assert described["settings"] == dataclasses.asdict(SETTINGS)
    assert (described["dim"], described["token_dim"]) == (small_searle.DIM, small_searle.TOKEN_DIM)
    assert (described["source"], described["backbone"], described["seed"], described["n_images"]) == (
        "trained",
        "small",
        0,
        11,
    )
    assert described["final_losses"] == {row["loss"]: row["value"] for row in log.to_pylist()[-3:]}
    assert not (tmp_path / "work").exists()


def test_how_images_are_sharded_changes_no_bit(folder: Path, tmp_path: Path) -> None:
    paths = sorted((folder / "tokens").glob("*.parquet"))
    names, tokens = vectors.read(paths, "image_id", "token")
    together = tmp_path / "tokens.parquet"
    vectors.write(together, names, tokens, schemas.tokens(small_searle.TOKEN_DIM))
    assert run(folder, tmp_path / "one", tokens=[together]) == run(folder, tmp_path / "two")


def test_phrases_are_not_read_where_they_have_no_weight(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, lambda_gpt=0.0)
    absent = [tmp_path / "absent.parquet"]
    run(folder, tmp_path, settings, phrases=absent, phrase_features=absent, concepts=absent[0])


def test_the_cycle_loss_reads_the_backbone_and_without_their_weight_no_phrases(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, loss="cycle", lambda_gpt=0.0)
    absent = [tmp_path / "absent.parquet"]
    alone = run(folder, tmp_path, settings, phrases=absent, phrase_features=absent, concepts=absent[0])
    assert alone != run(folder, tmp_path / "regularised", dataclasses.replace(settings, lambda_gpt=0.75))
    losses = phi.read_side_car(tmp_path / "phi.safetensors")["final_losses"]
    assert losses["distil"] == losses["total"] > 0


def test_a_token_whose_image_has_no_feature_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match=r"5 of 11 tokens have no image feature \(first: ILSVRC"):
        run(folder, tmp_path, features=inputs(folder)["features"][:1])  # type: ignore[index]


def test_a_token_whose_image_has_no_concepts_is_an_error(folder: Path, tmp_path: Path) -> None:
    rows = files.read_table(folder / "concepts.parquet").to_pylist()
    files.write_rows(tmp_path / "concepts.parquet", rows[1:], schemas.CONCEPTS)
    with pytest.raises(CirqueError, match=r"1 of [0-9]+ images have no concepts \(first: ILSVRC2012_test_00000001"):
        run(folder, tmp_path, concepts=tmp_path / "concepts.parquet")


def test_a_training_that_fails_leaves_nothing_under_its_outputs_names(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="the losses are"):
        run(folder, tmp_path, dataclasses.replace(SETTINGS, learning_rate=1e30, epochs=20))
    assert not (tmp_path / "phi.safetensors").exists()
    assert not (tmp_path / "training.parquet").exists()


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=100)
    (state,) = kill_training("searle", tmp_path, inputs(folder), settings, "*.safetensors")
    resumed = run(folder, tmp_path, settings)
    assert not state.exists()
    whole = run(folder, tmp_path / "whole", settings)
    assert resumed == whole
    assert (tmp_path / "training.parquet").read_bytes() == (tmp_path / "whole" / "training.parquet").read_bytes()
    assert np.isfinite(files.read_table(tmp_path / "training.parquet")["value"].to_numpy()).all()
