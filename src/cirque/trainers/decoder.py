"""Training of a decoder: from an image feature back to the picture, to see what a composed feature holds (TIRG Fig. 7).

    network = Decoder(dim=512, height=120, width=180, channels=32)
    log = fit(training_of(network, features, pixels, settings, seed), work / "state.safetensors")
    pictures = decoded(network, composed)  # uint8 [n, height, width, 3]

The paper says no more than that transposed convolutions are learned by regression from image features; sizes, layers
and optimiser are ours. Batches are drawn by (seed, step).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cirque.encoders.moving import moved
from cirque.training import optimisers
from cirque.training.loop import EpochBatches, Training

#: Longest that the shorter side of the first map may be, in places.
FIRST_SIDE = 8

#: The first maps have so many times the channels of the last one, at most.
MOST_CHANNELS = 8

#: The layer between feature and first map has so many units for each channel of the last map.
HIDDEN = 32

#: Pictures that are decoded in one pass.
PER_PASS = 64

#: Steps whose mean loss is one line of the log.
PER_LINE = 100


@dataclass(frozen=True)
class Settings:
    """How a decoder is trained.

    Attributes:
        steps: optimiser steps.
        batch: images of a step.
        learning_rate: Adam's at the start, followed by a cosine to 0.
        width: channels of the last map before the picture.
    """

    steps: int
    batch: int
    learning_rate: float
    width: int


class Decoder(nn.Module):
    """Feature [n, dim] – Linear – ReLU – Linear – small map – transposed convolutions, each doubling it – picture.

    Before each transposed convolution stand BatchNorm and ReLU. The last map is at least as large as the picture, which
    is cut from its middle. Only the direction of a feature counts.
    """

    def __init__(self, dim: int, height: int, width: int, channels: int) -> None:
        """Lay the layers out for pictures of a size.

        Args:
            dim: of a feature.
            height: of a picture, in pixels.
            width: of a picture, in pixels.
            channels: of the last map before the picture.
        """
        super().__init__()
        self.height, self.width = height, width
        doublings = max(1, math.ceil(math.log2(min(height, width) / FIRST_SIDE)))
        widths = [channels * min(2 ** (doublings - 1 - place), MOST_CHANNELS) for place in range(doublings)]
        self.shape = (widths[0], *(math.ceil(side / 2**doublings) for side in (height, width)))
        hidden = HIDDEN * channels
        self.first = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, math.prod(self.shape)))
        layers: list[nn.Module] = []
        for n_in, n_out in zip(widths, [*widths[1:], 3], strict=True):
            layers += [nn.BatchNorm2d(n_in), nn.ReLU(inplace=True), nn.ConvTranspose2d(n_in, n_out, 4, 2, padding=1)]
        self.layers = nn.Sequential(*layers)
        self.to(memory_format=torch.channels_last)  # half the time on a CPU

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    def forward(self, features: Tensor) -> Tensor:
        """Pictures [n, 3, height, width] of features [n, dim]; black is 0 and white is 1, beyond which they may go."""
        # Of unit variance, about.
        spread = math.sqrt(features.shape[1]) * functional.normalize(features, dim=1)
        maps: Tensor = self.layers(self.first(spread).view(-1, *self.shape))
        top, left = (maps.shape[2] - self.height) // 2, (maps.shape[3] - self.width) // 2
        return maps[:, :, top : top + self.height, left : left + self.width]


@torch.inference_mode()
def decoded(decoder: Decoder, features: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures [n, height, width, 3] of features [n, dim]; the decoder is in evaluation mode."""
    parts = [
        (decoder(torch.from_numpy(features[start : start + PER_PASS]).to(decoder.device)).clamp(0, 1) * 255).round()
        for start in range(0, len(features), PER_PASS)
    ]
    return torch.cat(parts).permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()


def training_of(
    decoder: Decoder,
    features: NDArray[np.float32],
    pixels: NDArray[np.uint8],
    settings: Settings,
    seed: int,
    *,
    inputs: Sequence[Path] = (),
) -> Training:
    """A training of a decoder, in place, for `loop.fit`; its loss is the mean squared error of the pixels.

    Args:
        decoder: with its initial weights, on its device.
        features: of the images [n, dim].
        pixels: of the same images [n, height, width, 3].
        settings: how.
        seed: of the order of images.
        inputs: files that the result depends on.
    """
    device = decoder.device
    known = torch.from_numpy(features).to(device)
    order = EpochBatches(len(pixels), settings.batch, seed)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        rows = np.sort(np.array(order(step)))  # a mapped file is read from front to back
        chosen, pictures = moved([torch.from_numpy(rows), torch.from_numpy(np.ascontiguousarray(pixels[rows]))], device)
        return known[chosen], pictures.permute(0, 3, 1, 2).float() / 255

    def loss(given: tuple[Tensor, Tensor], step: int) -> Mapping[str, Tensor]:
        chosen, pictures = given
        return {"mse": functional.mse_loss(decoder(chosen), pictures)}

    return Training(
        decoder,
        torch.optim.Adam(decoder.parameters(), lr=settings.learning_rate, **optimisers.fused(device)),
        ("mse",),
        n_steps=settings.steps,
        per_epoch=order.per_epoch,
        batch=batch,
        loss=loss,
        seed=seed,
        per_line=PER_LINE,
        rates=lambda step: [settings.learning_rate * 0.5 * (1 + math.cos(math.pi * step / settings.steps))],
        inputs=inputs,
        what="decoder",
    )
