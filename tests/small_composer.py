"""A data set that a composer learns in seconds: one-coloured pictures, of which a colour is asked for."""

from collections.abc import Sequence

import numpy as np
import torch

from cirque.compositions.vocabulary import Vocabulary
from cirque.datasets import TrainingSet, Triplet
from cirque.encoders import composers, resnet
from cirque.encoders.composers import Composer
from cirque.trainers.composer import Settings

COLOURS = {"red": (220, 30, 30), "green": (20, 180, 40), "blue": (30, 50, 220), "yellow": (230, 220, 40)}

#: Pictures of each colour.
EACH = 4

IDS = [f"{colour}-{number}" for colour in COLOURS for number in range(EACH)]
TEXTS = [f"make it {colour}" for colour in COLOURS]

CONFIG = {"kernel": 3, "stem": 8, "layers": [[8, 1], [16, 1]], "image_size": 16}

SETTINGS = Settings(
    loss="batch-softmax",
    steps=150,
    batch=8,
    optimiser="adamw",
    learning_rate=0.01,
    trunk_rate=0.01,
    weight_decay=0.0,
    schedule="constant",
    decay_every=20,
)


def pixels() -> np.ndarray:
    """Every picture, a little darker one by one, uint8 [16, 16, 16, 3]."""
    shades = [np.array(colour) - 10 * number for colour in COLOURS.values() for number in range(EACH)]
    return np.stack([np.broadcast_to(shade.clip(0), (16, 16, 3)) for shade in shades]).astype(np.uint8)


def triplets(triplets_of_a_draw: int = 1) -> TrainingSet:
    """The target has the number of the reference, in the colour that is asked for."""

    def draw(number: int, rng: np.random.Generator) -> Sequence[Triplet]:
        colours = rng.permutation(list(COLOURS))[:triplets_of_a_draw]
        return [Triplet(IDS[number], f"make it {colour}", f"{colour}-{number % EACH}") for colour in colours]

    return TrainingSet(IDS, TEXTS, triplets_of_a_draw, draw)


def described(composition: str, **changes: object) -> dict[str, object]:
    """A composer's description."""
    settings: dict[str, dict[str, object]] = {
        "tirg": {"level": "fc", "hidden": 8, "residual_start": 1.0, "branches": "both"},
        "parameter-hashing": {"n_candidates": 16},
    }
    return {
        "composition": composition,
        "settings": settings.get(composition, {}),
        "dim": 8,
        "encoder": "resnet",
        "config": CONFIG,
        "image_mean": resnet.MEAN,
        "image_std": resnet.STD,
        "words": list(Vocabulary.of(TEXTS).words),
        "has_reference_trunk": False,
        "is_frozen": False,
        "scale": 4.0,
        **changes,
    }


def made(composition: str, **changes: object) -> Composer:
    """A composer with its initial weights."""
    torch.manual_seed(0)
    return composers.made_of(described(composition, **changes))
