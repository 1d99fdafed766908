"""Teach φ from images alone: its token in `a photo of $` must say which image it came from (Pic2Word, as released).

`python -m cirque train_network pic2word --features … --weights … --output phi.safetensors`

All texts are the same but for the token, so only two positions of each, token and end, go through the tower.

Order of images and dropout are drawn from (seed, epoch) and (seed, step).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cirque.encoders import backbones, text
from cirque.encoders import features as image_features
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.progress import say
from cirque.training import optimisers
from cirque.training.contrastive import contrastive_loss, learning_rate
from cirque.training.loop import EpochBatches, Training, fit

#: Losses of the training log, in its order.
LOSSES = ("contrastive",)

#: What stands before the pseudo token, and the whole training text: start, 320, 1125, 539, token, end.
PREFIX = "a photo of"
PROMPT = f"{PREFIX} {text.PLACEHOLDER}"

#: The release reads a random crop (scale 0.9–1) of each image in each epoch; this trains on one feature an image.
VIEWS = "cached"

#: Of AdamW (pic2word.md §2), as CLIP was trained with.
BETAS, EPSILON = (0.9, 0.98), 1e-6


@dataclass(frozen=True)
class Settings:
    """Training of Pic2Word's φ."""

    architecture: phi.Pic2WordArchitecture
    n_layers: int  # hidden layers
    middle_dim: int  # their width
    epochs: int
    batch: int  # images, over all of which the loss contrasts
    learning_rate: float  # at the end of the warm-up
    weight_decay: float  # of weight matrices; biases do not decay
    dropout: float
    warmup: int  # steps


class Objective:
    """The loss of a batch of pseudo tokens against the images that they stand for."""

    def __init__(self, backbone: Backbone, batch: int, dtype: torch.dtype = torch.float32) -> None:
        """Compute the prompt's constants and lay a batch of prompts out.

        Args:
            backbone: whose text tower reads the tokens.
            batch: images of every batch.
            dtype: of the tower's products.
        """
        self.encoder = PackedEncoder(backbone, prefixes=[PREFIX], dtype=dtype)
        prompt = self.encoder.prepare(text.tokenize(backbone, [PROMPT]))
        self.layout = prompt.pack(chosen=np.zeros(batch, dtype=np.int64))
        self.scale = backbone.model.logit_scale.detach().float().exp()

    def __call__(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Loss of image features [batch, dim] and φ's tokens for them [batch, token_dim]."""
        return contrastive_loss(features, self.encoder(self.layout, tokens), self.scale)


# ---- optimisation --------------------------------------------------------------------------------------------------


def optimiser_of(network: phi.Phi, settings: Settings) -> torch.optim.AdamW:
    """AdamW; weight matrices decay and biases do not."""
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    device = matrices[0].device
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=BETAS, eps=EPSILON, **optimisers.fused(device))


def prepare(
    *, features: list[Path], weights: Path, settings: Settings, seed: int, device: torch.device, dtype: torch.dtype
) -> Training:
    """The training of φ on the features of an image set.

    Args:
        features: Feature files of the image set; images that failed are left out.
        weights: Weights of the backbone.
        settings: Network and optimisation.
        seed: Seed of everything random.
        device: Where to train.
        dtype: Of the text tower's products.
    """
    image_ids, array = image_features.load_features(features)
    n_failed = len(image_features.failures(features))
    say(f"φ: {len(image_ids) + n_failed} images, {n_failed} of them failed and left out")
    return training(
        torch.from_numpy(array).to(device),
        backbones.load(weights, device),
        settings,
        seed=seed,
        dtype=dtype,
        inputs=[*features, weights],
        metadata={"n_images": len(image_ids), "n_failed": n_failed, "views": VIEWS},
    )


def training(
    features: Tensor,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    dtype: torch.dtype = torch.float32,
    inputs: Sequence[Path] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Training:
    """The training of φ on features in memory.

    Args:
        features: of the images to learn from [n_images, dim], un-normalised, on the device to train on.
        backbone: the CLIP that they come from, on the same device.
        settings: network and optimisation.
        seed: of initial weights, order and dropout.
        dtype: of the text tower's products.
        inputs: files that all this was read from.
        metadata: what the description of the network says besides.

    Raises:
        CirqueError: the features are of another backbone, a batch has nothing to contrast, or the warm-up is longer
            than the training.
    """
    _require_sense(features, backbone, settings)
    batches = EpochBatches(len(features), settings.batch, seed)
    n_steps = settings.epochs * batches.per_epoch
    network = phi.initial_pic2word(
        backbone.dim,
        backbone.token_dim,
        settings.dropout,
        seed,
        n_layers=settings.n_layers,
        middle_dim=settings.middle_dim,
        architecture=settings.architecture,
    ).to(features.device)
    objective = Objective(backbone, min(settings.batch, len(features)), dtype)

    def loss(images: Tensor, step: int) -> dict[str, Tensor]:
        return {"contrastive": objective(images, network(images))}

    return Training(
        network,
        optimiser_of(network, settings),
        LOSSES,
        n_steps=n_steps,
        per_epoch=batches.per_epoch,
        batch=lambda step: features[moved(torch.tensor(batches(step)), features.device)],
        loss=loss,
        seed=seed,
        dropout="pic2word dropout",
        rates=lambda step: [learning_rate(step, n_steps, settings)] * 2,
        inputs=inputs,
        metadata=lambda log: dict(metadata or {}),
    )


def train(
    features: Tensor,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
) -> tuple[phi.Pic2WordPhi, list[dict[str, Any]]]:
    """Train φ in memory; returns φ in evaluation mode and its training log. Arguments as of `training` and `fit`."""
    prepared = training(features, backbone, settings, seed=seed)
    log = fit(prepared, state_path, seconds_between_saves)
    return prepared.network.requires_grad_(False), log  # type: ignore[return-value]


def _require_sense(features: Tensor, backbone: Backbone, settings: Settings) -> None:
    """Refuse what cannot be trained.

    Raises:
        CirqueError: it says why.
    """
    n_images, dim = features.shape
    if dim != backbone.dim:
        raise CirqueError(
            f"pic2word: image features have {dim} dimensions and the backbone {backbone.name} has {backbone.dim}: they"
            " are of different backbones"
        )
    if min(n_images, settings.batch) < 2:
        raise CirqueError(
            f"pic2word: batches of {settings.batch} from {n_images} images have nothing to contrast; give at least 2 of"
            " each"
        )
    n_steps = settings.epochs * max(1, n_images // settings.batch)
    if settings.warmup >= n_steps:
        raise CirqueError(
            f"pic2word: warmup is {settings.warmup:,} steps and the whole training has {n_steps:,}; lower warmup, or"
            " raise epochs"
        )
