"""A trunk learns to name what stands in the cells of scenes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.css import blobs, grammar
from cirque.css.grammar import Object
from cirque.encoders import resnet
from cirque.trainers import trunk as trainer
from cirque.trainers.trunk import Settings
from cirque.training.loop import fit

CONFIG = {"kernel": 5, "stem": 8, "layers": [[8, 1], [16, 1]], "image_size": 64}
SETTINGS = Settings(steps=60, batch=16, learning_rate=0.01, weight_decay=0.0)


def scenes(n: int) -> list[grammar.Scene]:
    rng = np.random.default_rng(0)
    return [grammar.draw_scene("train", rng) for _ in range(n)]


@pytest.fixture(scope="module")
def sets():
    drawn = scenes(32)
    pixels, classes = np.stack([blobs.draw(scene) for scene in drawn]), trainer.classes(drawn)
    return {"small": (pixels[:, ::2, ::2].copy(), classes), "whole": (pixels, classes)}


def made():
    torch.manual_seed(0)
    return resnet.build("trunk", CONFIG)


def test_the_class_of_a_cell_is_what_stands_in_it() -> None:
    ball = Object("circle", "yellow", "small", grammar.centre(5))
    found = trainer.classes([(), (ball,)])
    assert found.shape == (2, 3, 9)
    assert found[0].tolist() == [[8] * 9, [3] * 9, [2] * 9]  # all are empty
    assert found[1, :, 5].tolist() == [grammar.COLOURS.index("yellow"), grammar.SHAPES.index("circle"), 0]
    assert (found[1] != found[0]).sum() == 3


def test_a_trunk_learns_from_sets_of_several_sizes(tmp_path: Path, sets) -> None:
    network = made()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    log = fit(trainer.training_of(network, sets, replace(SETTINGS, steps=200), seed=0), tmp_path / "state.st")
    losses = [row["value"] for row in log]
    assert losses[-1] < losses[0] / 2
    assert any(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_training_that_was_cut_off_ends_with_the_same_bits(tmp_path: Path, sets) -> None:
    whole, again = made(), made()
    fit(trainer.training_of(whole, sets, SETTINGS, seed=0), tmp_path / "whole.st")
    training = trainer.training_of(made(), sets, SETTINGS, seed=0)
    fit(replace(training, n_steps=31), tmp_path / "cut.st", seconds_between_saves=0)
    fit(trainer.training_of(again, sets, SETTINGS, seed=0), tmp_path / "cut.st")
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
