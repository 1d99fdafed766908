"""Teach φ from images alone: its token in `a photo of $` must say which image it came from (Pic2Word, as released).

`python -m cirque train_pic2word --features … --weights … --output phi.safetensors`

All texts are the same but for the token, so only two positions of each, token and end, go through the tower.

Order of images and dropout are drawn from (seed, epoch) and (seed, step), never from a running generator: a training
that was killed goes on from its last saved step and ends with the same bits.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.progress import progress
from cirque.training.contrastive import contrastive_loss, learning_rate
from cirque.training.loop import Saver, TrainingState, epoch_batches

#: Losses of the training log, in its order.
LOSSES = ("contrastive",)

#: What stands before the pseudo token, and the whole training text: start, 320, 1125, 539, token, end.
PREFIX = "a photo of"
PROMPT = f"{PREFIX} {text.PLACEHOLDER}"

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


def steps_per_epoch(n_images: int, settings: Settings) -> int:
    """Whole batches of an epoch; fewer images than a batch make one."""
    return max(1, n_images // settings.batch)


def optimiser_of(network: phi.Phi, settings: Settings) -> torch.optim.AdamW:
    """AdamW; weight matrices decay and biases do not."""
    matrices = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=BETAS, eps=EPSILON)


def train(
    features: Tensor,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
) -> tuple[phi.Pic2WordPhi, list[dict[str, Any]]]:
    """Train φ, going on from `state_path` if it is there.

    Args:
        features: of the images to learn from [n_images, dim], un-normalised, on the device to train on.
        backbone: the CLIP that they come from, on the same device.
        settings: network and optimisation.
        seed: of initial weights, order and dropout.
        state_path: file for the state of an unfinished training; the caller removes it when done.
        seconds_between_saves: how much work a kill may cost.

    Returns:
        φ of the last epoch in evaluation mode, and the rows of the training log: the mean loss of each epoch.

    Raises:
        CirqueError: the features are of another backbone, a batch has nothing to contrast, the warm-up is longer than
            the training, or a loss is not finite.
    """
    _require_sense(features, backbone, settings)
    n_images = len(features)
    per_epoch = steps_per_epoch(n_images, settings)
    n_steps = settings.epochs * per_epoch
    network = phi.initial_pic2word(
        backbone.dim,
        backbone.token_dim,
        settings.dropout,
        seed,
        n_layers=settings.n_layers,
        middle_dim=settings.middle_dim,
        architecture=settings.architecture,
    )
    network = network.to(features.device).train()
    objective = Objective(backbone, min(settings.batch, n_images))
    state = TrainingState(network, optimiser_of(network, settings), LOSSES)
    state.resume(state_path)
    batches: list[list[int]] = []
    saver = Saver(state_path, seconds_between_saves)
    bar: Any = progress(total=n_steps, what="φ", unit="step", initial=state.step)
    with bar, torch.random.fork_rng(devices=[features.device] if features.is_cuda else []):
        while state.step < n_steps:
            epoch, place = divmod(state.step, per_epoch)
            if not batches or place == 0:
                batches = epoch_batches(n_images, settings.batch, seed, epoch)
            rate = learning_rate(state.step, n_steps, settings)
            _step(state, objective, features[batches[place]], rate=rate, seed=seed)
            bar.update()
            if place == per_epoch - 1:
                means = state.end_epoch(epoch, per_epoch)
                bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()}, refresh=False)
            saver.after_step(state)
    return network.eval().requires_grad_(False), state.log


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
    n_steps = settings.epochs * steps_per_epoch(n_images, settings)
    if settings.warmup >= n_steps:
        raise CirqueError(
            f"pic2word: warmup is {settings.warmup:,} steps and the whole training has {n_steps:,}; lower warmup, or"
            " raise epochs"
        )


def _step(state: TrainingState, objective: Objective, features: Tensor, *, rate: float, seed: int) -> None:
    """One optimiser step on the features of a batch."""
    torch.manual_seed(draws.seed_of(seed, "pic2word dropout", state.step))
    loss = objective(features, state.network(features))
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.add({"contrastive": loss.item()})
    state.optimiser.step()
