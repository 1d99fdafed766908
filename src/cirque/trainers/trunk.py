"""A trunk taught to name what stands in the cells of CSS scenes: the mini scale's own stand-in for ImageNet weights.

    training = training_of(network, {"css_train_2d": (pixels, labels), …}, settings, seed)

For each cell a linear layer on the last map names colour, shape and size, or that the cell is empty. The layers are
thrown away; the trunk stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cirque.css.grammar import CELLS, COLOURS, SHAPES, SIZES, Scene
from cirque.encoders import resnet
from cirque.encoders.moving import moved
from cirque.training import optimisers
from cirque.training.loop import EpochBatches, Training

#: What is named of each cell, each with one class more: the cell is empty.
ATTRIBUTES = {"colour": COLOURS, "shape": SHAPES, "size": SIZES}

#: Pixels and, of each attribute, the class of each cell.
Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Settings:
    """How a trunk is taught.

    Attributes:
        steps: optimiser steps.
        batch: images of a step, of each image set in turn.
        learning_rate: peak of AdamW's, followed by a cosine.
        weight_decay: of all weights.
    """

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float


def classes(scenes: Sequence[Scene]) -> NDArray[np.int64]:
    """Classes of scenes [n, 3 attributes, 9 cells]; the last of each attribute is an empty cell."""
    empty = [len(names) for names in ATTRIBUTES.values()]
    found = np.tile(np.array(empty, dtype=np.int64)[None, :, None], (len(scenes), 1, len(CELLS)))
    for number, scene in enumerate(scenes):
        for item in scene:
            of_item = [COLOURS.index(item.colour), SHAPES.index(item.shape), SIZES.index(item.size)]
            found[number, :, item.cell] = of_item
    return found


class Namer(nn.Module):
    """A trunk and, for each image set, a layer that names the cells of its last map."""

    def __init__(self, trunk: resnet.ResNet, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.trunk = trunk
        n_classes = len(CELLS) * sum(len(names) + 1 for names in ATTRIBUTES.values())
        self.heads = nn.ModuleDict({name: nn.Linear(width, n_classes) for name, width in heads.items()})

    def forward(self, images: Tensor, name: str) -> list[Tensor]:
        """Logits of each attribute [n, classes, 9 cells]."""
        logits = self.heads[name](self.trunk.image_maps(images).flatten(1)).view(len(images), -1, len(CELLS))
        return list(logits.split([len(names) + 1 for names in ATTRIBUTES.values()], dim=1))


def training_of(
    trunk: resnet.ResNet,
    sets: Mapping[str, Labelled],
    settings: Settings,
    seed: int,
    inputs: Sequence[Path] = (),
) -> Training:
    """A training of a trunk, in place, for `loop.fit`.

    Args:
        trunk: with its initial weights, on its device.
        sets: pixels and classes of each image set.
        settings: how.
        seed: of the order of images, and of the layers that are thrown away.
        inputs: files that the result depends on.
    """
    device = next(trunk.parameters()).device
    mean, std = (torch.tensor(list(x), device=device).view(1, 3, 1, 1) for x in (resnet.MEAN, resnet.STD))

    def normalised(pixels: NDArray[np.uint8]) -> Tensor:
        images = moved(torch.from_numpy(np.ascontiguousarray(pixels)), device).permute(0, 3, 1, 2)
        return (images.float() / 255 - mean) / std

    names = list(sets)
    with torch.no_grad():
        widths = {name: trunk.image_maps(normalised(pixels[:1])).numel() for name, (pixels, _) in sets.items()}
    torch.manual_seed(seed)
    namer = Namer(trunk, widths).to(device)
    order = {name: EpochBatches(len(pixels), settings.batch, seed) for name, (pixels, _) in sets.items()}

    def batch(step: int) -> tuple[str, Tensor, Tensor]:
        name = names[step % len(names)]
        pixels, found = sets[name]
        rows = np.array(order[name](step // len(names)))
        return name, normalised(pixels[rows]), moved(torch.from_numpy(found[rows]), device)

    def loss(given: tuple[str, Tensor, Tensor], step: int) -> Mapping[str, Tensor]:
        name, images, found = given
        named = namer(images, name)
        losses = [functional.cross_entropy(logits, found[:, place]) for place, logits in enumerate(named)]
        return {"loss": torch.stack(losses).sum()}

    optimiser = torch.optim.AdamW(
        namer.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        **optimisers.fused(device),
    )
    return Training(
        namer,
        optimiser,
        ("loss",),
        n_steps=settings.steps,
        per_epoch=max(of.per_epoch for of in order.values()) * len(names),
        batch=batch,
        loss=loss,
        seed=seed,
        per_line=100,
        rates=lambda step: [settings.learning_rate * 0.5 * (1 + float(np.cos(np.pi * step / settings.steps)))],
        inputs=inputs,
        what="trunk",
    )
