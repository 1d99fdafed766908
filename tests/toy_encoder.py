"""An encoder that is not CLIP: a tower of its own for images, another for queries, and no text."""

from pathlib import Path

import pytest
import torch

from cirque import encoders
from cirque.encoders import backbones
from cirque.families import ENCODERS
from tests import members

#: Its file in src/cirque/encoders/.
TEXT = '''"""Toy: mean colours of the quarters of an image, through a matrix."""

from torch import nn
from torch.nn import functional as F

from cirque.encoders import Sizes

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def read_config(name, folder):
    """The configuration of a model by its name."""
    return {"dim": 8, "image_size": 32}


def sizes(config):
    """What a configuration says of inputs and outputs."""
    return Sizes(dim=config["dim"], image_size=config["image_size"])


class Toy(nn.Module):
    """Two matrices: one for galleries, one for queries."""

    def __init__(self, dim):
        super().__init__()
        self.gallery, self.queries = nn.Linear(12, dim), nn.Linear(12, dim)

    def image_maps(self, images):
        """Mean colours of the quarters [n, 3, 2, 2]."""
        return F.adaptive_avg_pool2d(images, 2)

    def encode_image(self, images):
        """Features of a gallery's images [n, dim]."""
        return self.gallery(self.image_maps(images).flatten(1))

    def encode_query_image(self, images):
        """Features of queries' references [n, dim]."""
        return self.queries(self.image_maps(images).flatten(1))


def build(name, config):
    """A new model with random weights."""
    return Toy(config["dim"])
'''


def add(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let `toy` be an encoder until the test ends."""
    members.add(monkeypatch, folder, ENCODERS, "toy", TEXT)


def save_weights(path: Path, seed: int = 0) -> None:
    """Random weights of it with their side-car."""
    toy = encoders.load("toy")
    config = toy.read_config("toy", None)
    torch.manual_seed(seed)
    model = toy.build("toy", config)
    backbones.save(model, path, encoder="toy", name="toy", config=config, source="random", seed=seed)
