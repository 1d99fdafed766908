"""A composer learns; its draws belong to (seed, step, row); a training that was cut off ends with the same bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.errors import CirqueError
from cirque.families import COMPOSITIONS
from cirque.trainers import composer as trainer
from cirque.trainers.composer import Data, Sampler
from cirque.training.loop import fit
from tests.small_composer import COLOURS, EACH, IDS, SETTINGS, TEXTS, made, pixels, triplets

N = len(IDS)


def trained(
    tmp_path: Path,
    composition: str = "tirg",
    settings=SETTINGS,
    data: Data | None = None,
    precision: str = "fp32",
    **changes: object,
):
    composer = made(composition, **changes)
    training = trainer.training_of(composer, data or Data(triplets(), pixels()), settings, 0, precision)
    log = fit(training, tmp_path / "state.st")
    (tmp_path / "state.st").unlink(missing_ok=True)
    composer.model.eval()
    return composer, log


def right(composer) -> float:
    """Share of (reference, colour) whose nearest picture has the colour."""
    gallery = composer.encode_images(pixels())
    rows = np.repeat(np.arange(N), len(COLOURS))
    asked = composer.compose(pixels(), rows, TEXTS * N)
    scores = asked @ (gallery / np.linalg.norm(gallery, axis=1, keepdims=True)).T
    found = [IDS[best].split("-")[0] for best in scores.argmax(axis=1)]
    return float(np.mean([colour == text.split()[-1] for colour, text in zip(found, TEXTS * N, strict=True)]))


@pytest.mark.parametrize("composition", [name for name in COMPOSITIONS.names() if name != "image-only"])
def test_every_composition_learns_what_the_text_asks_for(tmp_path: Path, composition: str) -> None:
    composer, log = trained(tmp_path, composition)
    assert right(composer) > 0.6
    assert log[-1]["loss"] == "loss"


def test_image_only_cannot_know_what_is_asked(tmp_path: Path) -> None:
    assert right(trained(tmp_path, "image-only")[0]) == 1 / len(COLOURS)


@pytest.mark.parametrize("loss", ["soft-triplet", "soft-triplet-released"])
def test_the_triplet_losses_teach_it_too(tmp_path: Path, loss: str) -> None:
    assert right(trained(tmp_path, settings=replace(SETTINGS, loss=loss))[0]) > 0.6


def test_a_frozen_trunk_stays_as_it_is_and_its_maps_serve(tmp_path: Path) -> None:
    before = made("tirg", is_frozen=True).model.trunk.state_dict()
    for composition in ("tirg", "film"):  # of which FiLM reads pixels
        composer, _ = trained(tmp_path, composition, replace(SETTINGS, trunk_rate=0.0), is_frozen=True)
        assert right(composer) > 0.6
        assert all(torch.equal(before[name], value) for name, value in composer.model.trunk.state_dict().items())


def test_references_of_another_kind_have_a_trunk_of_their_own(tmp_path: Path) -> None:
    data = Data(triplets(), pixels(), reference_pixels=255 - pixels())
    composer, _ = trained(tmp_path, data=data, has_reference_trunk=True)
    trunks = composer.model.trunks
    assert len(trunks) == 2
    assert not torch.equal(trunks[0].conv1.weight, trunks[1].conv1.weight)
    assert right(composer) > 0.6


def test_a_training_that_was_cut_off_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole, _ = trained(tmp_path)
    composer = made("tirg")
    training = trainer.training_of(composer, Data(triplets(), pixels()), SETTINGS, seed=0)

    def cut(step: int):
        if step == 25:
            raise KeyboardInterrupt
        return training.batch(step)

    with pytest.raises(KeyboardInterrupt):
        fit(replace(training, batch=cut), tmp_path / "state.st", seconds_between_saves=0)
    again = made("tirg")
    fit(trainer.training_of(again, Data(triplets(), pixels()), SETTINGS, seed=0), tmp_path / "state.st")
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name


def test_sgd_resumes_to_the_same_bits_too(tmp_path: Path) -> None:
    settings = replace(SETTINGS, optimiser="sgd", schedule="steps", decay_every=20, steps=30)
    whole, _ = trained(tmp_path, settings=settings)
    composer = made("tirg")
    training = trainer.training_of(composer, Data(triplets(), pixels()), settings, seed=0)
    fit(replace(training, n_steps=17), tmp_path / "state.st", seconds_between_saves=0)
    again = made("tirg")
    fit(trainer.training_of(again, Data(triplets(), pixels()), settings, seed=0), tmp_path / "state.st")
    assert all(torch.equal(v, again.model.state_dict()[k]) for k, v in whole.model.state_dict().items())


@pytest.mark.parametrize("composition", ["tirg", "relationship", "film"])  # of which FiLM reads pixels
def test_a_reference_that_neighbours_share_passes_the_trunk_once_and_changes_nothing(composition: str) -> None:
    losses = []
    for n_passed in (4, 8):
        composer = made(composition)
        training = trainer.training_of(composer, Data(triplets(triplets_of_a_draw=2), pixels()), SETTINGS, seed=0)
        composer.model.train()
        batch = training.batch(0)
        assert len(batch.references) == (8 if composition == "film" else 4)
        repeats = max(1, n_passed // len(batch.references))
        given = replace(batch, references=batch.references.repeat_interleave(repeats, 0))
        torch.manual_seed(0)
        losses.append(training.loss(given, 0)["loss"].item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_bf16_learns_too(tmp_path: Path) -> None:
    assert right(trained(tmp_path, precision="bf16")[0]) > 0.6


# ---- draws ---------------------------------------------------------------------------------------------------------


def test_draws_belong_to_seed_step_and_row() -> None:
    one, other = Sampler(triplets(), 0, 8), Sampler(triplets(), 0, 8)
    later = [other(step) for step in (5, 2, 9)]
    for step, found in zip((5, 2, 9), later, strict=True):
        references, texts, targets = one(step)
        assert np.array_equal(references, found[0])
        assert texts == found[1]
        assert np.array_equal(targets, found[2])
    assert Sampler(triplets(), 1, 8)(5)[1] != later[0][1]


def test_pairs_of_a_batch_share_their_reference_and_ask_for_two_things() -> None:
    sampler = Sampler(triplets(triplets_of_a_draw=2), 0, 8)
    references, texts, targets = sampler(3)
    assert len(references) == len(texts) == len(targets) == 8
    assert np.array_equal(references[::2], references[1::2])
    assert all(first != second for first, second in zip(texts[::2], texts[1::2], strict=True))
    assert all(IDS[target].startswith(text.split()[-1]) for text, target in zip(texts, targets, strict=True))


def test_an_epoch_passes_every_image_once() -> None:
    sampler = Sampler(triplets(), 0, 8)
    assert sampler.per_epoch == N // 8
    assert sorted(np.concatenate([sampler(step)[0] for step in range(sampler.per_epoch)]).tolist()) == list(range(N))


def test_a_set_smaller_than_a_batch_fills_it() -> None:
    assert len(Sampler(triplets(), 0, 40)(0)[1]) == 40


def test_pairs_need_an_even_batch() -> None:
    with pytest.raises(CirqueError, match="give an even number"):
        Sampler(triplets(triplets_of_a_draw=2), 0, 7)


# ---- rates ---------------------------------------------------------------------------------------------------------


def rates(composition: str, step: int, **changes: object) -> list[float]:
    settings = replace(SETTINGS, steps=100, learning_rate=0.01, trunk_rate=0.001, **changes)
    training = trainer.training_of(made(composition), Data(triplets(), pixels()), settings, seed=0)
    assert training.rates is not None
    return [round(rate, 9) for rate in training.rates(step)]


def test_the_trunk_learns_at_its_own_rate_and_operators_at_a_tenth() -> None:
    assert rates("tirg", 0) == [0.01, 0.001]
    assert rates("attribute-operator", 0) == [0.01, 0.001, 0.001]


def test_schedules() -> None:
    assert rates("tirg", 90) == [0.01, 0.001]
    assert rates("tirg", 50, schedule="cosine") == [0.005, 0.0005]
    assert [rates("tirg", step, schedule="steps", decay_every=40)[0] for step in (39, 40, 80)] == [0.01, 0.001, 0.0001]


def test_each_weight_is_in_one_group() -> None:
    for composition in COMPOSITIONS.names():
        composer = made(composition)
        training = trainer.training_of(composer, Data(triplets(), pixels()), SETTINGS, seed=0)
        placed = [id(weight) for group in training.optimiser.param_groups for weight in group["params"]]
        assert sorted(placed) == sorted(map(id, composer.model.parameters()))


def test_the_numbers_of_images_are_those_of_the_data() -> None:
    assert EACH * len(COLOURS) == len(pixels()) == N
