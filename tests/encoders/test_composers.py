"""A composer's file gives back the composer; what does not belong together is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.encoders import backbones, composers
from cirque.errors import CirqueError
from cirque.families import COMPOSITIONS
from cirque.store import files
from tests.small_composer import IDS, TEXTS, made, pixels

CPU = torch.device("cpu")


@pytest.mark.parametrize("composition", COMPOSITIONS.names())
def test_what_is_saved_is_loaded(tmp_path: Path, composition: str) -> None:
    composer = made(composition, has_reference_trunk=composition == "tirg")
    composer.model.eval()
    composers.save(composer, tmp_path / "weights.safetensors", {"seed": 3})
    again = composers.load(tmp_path / "weights.safetensors", CPU)
    rows, texts = np.array([3, 0, 7]), [TEXTS[1], "make", "it red please now"]
    assert np.array_equal(again.encode_images(pixels()), composer.encode_images(pixels()))
    assert np.array_equal(again.compose(pixels(), rows, texts), composer.compose(pixels(), rows, texts))
    assert again.record["seed"] == 3
    assert not again.model.training


def test_what_shares_a_batch_changes_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    composer = made("tirg")
    composer.model.eval()
    rows, texts = np.arange(5), ["it", "make it red", "red", "make make make it green", "blue"]
    together = composer.compose(pixels(), rows, texts)
    monkeypatch.setitem(composers.BATCH, "cpu", 1)
    alone = composer.compose(pixels(), rows, texts)
    assert np.allclose(together, alone, rtol=1e-5, atol=1e-6)


def test_a_query_without_a_word_asks_an_unknown_one() -> None:
    composer = made("tirg")
    composer.model.eval()
    blank, unknown = composer.compose(pixels(), np.array([1, 1]), [" ", "zebra"])
    assert np.array_equal(blank, unknown)


def test_names_are_an_adjective_and_a_noun() -> None:
    composer = made("tirg")
    composer.model.eval()
    found = composer.name(["red it", "green it", "it red"])
    assert found.shape == (3, 8)
    assert not np.allclose(found[0], found[2])  # the order counts
    with pytest.raises(CirqueError, match="'make it red': must be an adjective and a noun"):
        composer.name(["red it", "make it red"])


def test_a_name_has_no_map() -> None:
    composer = made("film")
    composer.model.eval()
    with pytest.raises(CirqueError, match="take one at the last fc"):
        composer.name(["red it"])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    composers.save(made("tirg"), path, {})
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(CirqueError, match=message):
        composers.load(path, CPU)


def test_weights_without_their_vocabulary_are_refused(saved: Path) -> None:
    backbones.side_car(saved).unlink()
    refused(saved, "weights.json: no such file; a composer is its weights and, beside them, the description")


def test_a_description_without_words_is_refused(saved: Path) -> None:
    record = files.read_json(backbones.side_car(saved))
    del record["words"]
    files.write_json(backbones.side_car(saved), record)
    refused(saved, "weights.json: lacks words")


def test_another_vocabulary_does_not_fit(saved: Path) -> None:
    record = files.read_json(backbones.side_car(saved))
    record["words"].append("zebra")
    files.write_json(backbones.side_car(saved), record)
    refused(saved, "does not fit the model that weights.json describes")


def test_a_flipped_bit_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-5] ^= 1
    saved.write_bytes(content)
    refused(saved, "cut short or altered")


def test_weights_that_there_are_not_are_named(tmp_path: Path) -> None:
    refused(tmp_path / "weights.safetensors", "weights.safetensors: no such file")


def test_pixels_are_normalised_as_the_trunk_was_trained() -> None:
    composer = made("tirg")
    found = composer.normalised(pixels()[:1])[0, :, 0, 0]
    expected = (pixels()[0, 0, 0] / 255 - np.array(composer.mean)) / np.array(composer.std)
    assert np.allclose(found.numpy(), expected, rtol=1e-6)
    assert len(IDS) == len(pixels())
