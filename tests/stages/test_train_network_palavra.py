import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.errors import CirqueError
from cirque.networks import palavra, phi
from cirque.store import files, schemas
from cirque.trainers import palavra as palavra_training
from cirque.training import caption_pairs
from tests import small_lincir, small_palavra, small_searle
from tests.small_palavra import SETTINGS
from tests.stages.network_stage import kill_training, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train_palavra")
    small_palavra.write(root, small_searle.load_backbone(root))
    return root


def inputs(folder: Path) -> dict[str, list[Path] | Path]:
    return {
        "features": sorted((folder / "features").glob("*.parquet")),
        "titles": folder / "titles.csv",
        "captions": sorted((folder / "captions").glob("*.parquet")),
        "caption_features": sorted((folder / "caption_features").glob("*.parquet")),
        "vocabulary": folder / "vocabulary.csv",
        "weights": folder / "weights.safetensors",
    }


def run(
    folder: Path,
    out: Path,
    settings: palavra_training.Settings = SETTINGS,
    **other: object,
) -> bytes:
    return trained("palavra", out, {**inputs(folder), **other}, settings)


def test_the_networks_come_with_their_description_and_their_training_log(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    log = files.read_table(tmp_path / "training.parquet")
    assert log.schema.equals(schemas.TRAINING)
    assert log.num_rows == 3 * len(palavra_training.LOSSES)
    assert described["settings"] == dataclasses.asdict(SETTINGS)
    assert (described["architecture"], described["width"], described["backbone"], described["seed"]) == (
        "palavra",
        12,
        "small",
        0,
    )
    assert described["words"][0] in {"box", "house"}
    assert len(described["words"]) == 6
    assert list(described["final_losses"]) == list(palavra_training.LOSSES)
    assert palavra.load(tmp_path / "phi.safetensors", torch.device("cpu")).width == 12
    assert not (tmp_path / "work").exists()


def test_images_that_failed_or_have_no_caption_are_left_out_and_counted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    assert (described["n_pairs"], described["n_failed"], described["n_without_caption"]) == (
        12,
        1,
        1,
    )  # one caption is empty
    assert "13 images, 1 further ones failed, 1 have no caption: left out" in capsys.readouterr().err


def test_an_image_is_paired_by_its_captions_words_whatever_the_order(folder: Path, tmp_path: Path) -> None:
    whole = run(folder, tmp_path / "one")
    lines = (folder / "titles.csv").read_text().splitlines()
    files.write_text(tmp_path / "titles.csv", "\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert run(folder, tmp_path / "two", titles=tmp_path / "titles.csv") == whole
    names = ["c", "b", "a"]
    captions, images = [small_lincir.CAPTIONS[row] for row in (3, 1, 3)], np.eye(3, 8, dtype=np.float32)
    found, n_without = caption_pairs.paired(
        names, images, dict(zip(names, captions, strict=True)),
        *(inputs(folder)[key] for key in ("captions", "caption_features")),  # type: ignore[arg-type]
    )  # fmt: skip
    assert found.captions["caption"].to_pylist() == captions
    features = small_lincir.features(small_searle.load_backbone(tmp_path))
    assert np.allclose(found.caption_features, features[[3, 1, 3]], atol=1e-6)
    assert n_without == 0


def test_only_the_first_pairs_are_read(folder: Path, tmp_path: Path) -> None:
    one, *_ = sorted((folder / "features").glob("*.parquet"))
    settings = dataclasses.replace(SETTINGS, n_words=3, n_pairs=6)
    assert run(folder, tmp_path / "one", settings) == run(folder, tmp_path / "two", settings, features=[one])
    assert phi.read_side_car(tmp_path / "one" / "phi.safetensors")["n_pairs"] == 5


def test_a_corpus_that_holds_no_images_caption_is_an_error(folder: Path, tmp_path: Path) -> None:
    lines = [f"something else\t{small_palavra.image_name(number)}\n" for number in range(13)]
    files.write_text(tmp_path / "titles.csv", "title\tfilepath\n" + "".join(lines))
    with pytest.raises(CirqueError, match="holds the caption of none of the 13 images"):
        run(folder, tmp_path, titles=tmp_path / "titles.csv")


def test_captions_without_their_features_are_an_error(folder: Path, tmp_path: Path) -> None:
    features = sorted((folder / "caption_features").glob("*.parquet"))
    with pytest.raises(CirqueError, match="2 files of captions and 1 of their features"):
        run(folder, tmp_path, caption_features=features[:1])
    with pytest.raises(CirqueError, match="captions have no feature in"):
        run(folder, tmp_path, caption_features=features[::-1])


def test_no_pair_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="n_pairs is 0; give at least 1"):
        run(folder, tmp_path, settings=dataclasses.replace(SETTINGS, n_pairs=0))


def test_a_training_that_fails_leaves_nothing_under_its_outputs_names(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="the losses are"):
        run(folder, tmp_path, dataclasses.replace(SETTINGS, learning_rate=1e30, alignment_rate=1e30, epochs=20))
    assert not (tmp_path / "phi.safetensors").exists()
    assert not (tmp_path / "training.parquet").exists()


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=120)
    (state,) = kill_training("palavra", tmp_path, inputs(folder), settings, "*.safetensors")
    resumed = run(folder, tmp_path, settings)
    assert not state.exists()
    assert resumed == run(folder, tmp_path / "whole", settings)
    assert (tmp_path / "training.parquet").read_bytes() == (tmp_path / "whole" / "training.parquet").read_bytes()
