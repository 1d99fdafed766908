"""Teach φ from OTI tokens: contrastive distillation, regularised by phrases (SEARLE §3.2, as released).

`python -m cirque train_network searle --features … --tokens … --concepts … --phrases … --phrase-features … --weights …`

Order of images, phrases and dropout are drawn from (seed, epoch), (seed, image, epoch) and (seed, step).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from cirque.encoders import backbones
from cirque.encoders.moving import moved
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.store import vectors
from cirque.texts import concepts as association
from cirque.texts import phrase_pool
from cirque.training import losses, optimisers
from cirque.training.loop import EpochBatches, Training, fit
from cirque.training.phrase_losses import CycleLoss, PhraseBatch, PhraseRegulariser

#: Losses of the training log, in its order.
LOSSES = ("total", "distil", "gpt")


@dataclass(frozen=True)
class Settings:
    """Training of φ; λs are not divided by their sum, unlike inversion's.

    `loss` is what λ_distil weighs. `released` and `paper` are forms of the method; the others are ablations of SEARLE
    Table 4, in which λ_gpt = 0 is "w/o reg" and all else stays:

    * `released`, `paper`: contrastive distillation of the OTI tokens (`losses.distillation_loss`).
    * `cosine`, "cos distil": mean of 1 − cos between OTI tokens and φ's.
    * `cycle`, "w/o distil": no OTI token is looked at; see `CycleLoss`.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    lambda_distil: float
    lambda_gpt: float
    temperature: float
    n_concepts: int
    loss: Literal["released", "paper", "cosine", "cycle"]
    replace: Literal["first", "all"]


@dataclass(frozen=True)
class Examples:
    """What φ learns from, one row an image."""

    image_ids: list[str]
    features: Tensor  # [n, dim], un-normalised
    tokens: Tensor  # [n, token_dim], of inversion


@dataclass(frozen=True)
class Batch:
    """The examples of one step, and the phrase of each where λ_gpt is not 0, on the device to train on."""

    features: Tensor  # [batch, dim], un-normalised
    tokens: Tensor  # [batch, token_dim], of inversion
    phrases: PhraseBatch | None


def prepare(
    *,
    features: list[Path],
    tokens: list[Path],
    concepts: Path,
    phrases: list[Path],
    phrase_features: list[Path],
    weights: Path,
    settings: Settings,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Training:
    """The training of φ on the tokens that inversion gave.

    Args:
        features: Feature files of the image set.
        tokens: Token files of the same image set, by inversion.
        concepts: Nearest concepts of its images; these and the phrases are read unless lambda_gpt is 0.
        phrases: Phrases of all parts of the vocabulary.
        phrase_features: Their features, in the same order.
        weights: Weights of the backbone.
        settings: Losses and optimisation.
        seed: Seed of everything random.
        device: Where to train.
        dtype: Of the text tower's products.
    """
    examples = _examples(features, tokens, device)
    inputs, regulariser, cycle = [*features, *tokens], None, None
    if settings.lambda_gpt or settings.loss == "cycle":
        inputs.append(weights)
        backbone = backbones.load(weights, device)
        if settings.loss == "cycle":
            cycle = CycleLoss(backbone, settings.temperature, dtype)
        if settings.lambda_gpt:
            inputs += [concepts, *phrases, *phrase_features]
            nearest = association.read_nearest(concepts, examples.image_ids, settings.n_concepts)
            pool = phrase_pool.load(phrases, phrase_features, {name for names in nearest for name in names})
            pool = phrase_pool.without_cut_placeholders(pool, backbone, settings.replace)
            regulariser = regulariser_of(backbone, pool, examples.image_ids, nearest, settings, seed=seed, dtype=dtype)
    return training(examples, regulariser, settings, cycle=cycle, seed=seed, inputs=inputs)


def regulariser_of(
    backbone: backbones.Backbone,
    pool: phrase_pool.PhrasePool,
    image_ids: Sequence[str],
    concepts: Sequence[Sequence[str]],
    settings: Settings,
    *,
    seed: int,
    dtype: torch.dtype = torch.float32,
) -> PhraseRegulariser:
    """The loss that reads phrases, as the settings say."""
    return PhraseRegulariser(
        *(backbone, pool, image_ids, concepts),
        n_concepts=settings.n_concepts,
        replace=settings.replace,
        seed=seed,
        dtype=dtype,
    )


def _examples(features: list[Path], tokens: list[Path], device: torch.device) -> Examples:
    """Every image that has a token, with its feature."""
    image_ids, inverted = vectors.read(tokens, "image_id", "token")
    images = vectors.take(*vectors.read(features, "image_id", "feature"), image_ids, "token", "image feature")
    return Examples(image_ids, torch.from_numpy(images).to(device), torch.from_numpy(inverted).to(device))


def training(
    examples: Examples,
    regulariser: PhraseRegulariser | None,
    settings: Settings,
    *,
    cycle: CycleLoss | None = None,
    seed: int,
    inputs: Sequence[Path] = (),
) -> Training:
    """The training of φ on examples in memory.

    Args:
        examples: features and inversion tokens, on the device to train on.
        regulariser: may be None where λ_gpt is 0.
        settings: losses and optimisation.
        cycle: for the loss `cycle`; no other reads it.
        seed: of initial weights, order, phrases and dropout.
        inputs: files that all this was read from.

    Raises:
        CirqueError: both λs are 0, or the regulariser or the cycle loss is missing.
    """
    _require_sense(regulariser, settings, cycle)
    network = phi.initial(examples.features.shape[1], examples.tokens.shape[1], settings.dropout, seed)
    network = network.to(examples.features.device)
    batches = EpochBatches(len(examples.image_ids), settings.batch, seed)

    def batch(step: int) -> Batch:
        images, reads = batches(step), regulariser if settings.lambda_gpt else None
        phrases = reads.batch(images, step // batches.per_epoch) if reads is not None else None
        rows = moved(torch.tensor(images), examples.features.device)
        return Batch(examples.features[rows], examples.tokens[rows], phrases)

    def loss(batch: Batch, step: int) -> dict[str, Tensor]:
        predicted = network(batch.features)
        distil = gpt = predicted.new_zeros(())
        if settings.lambda_distil:
            distil = _distillation(batch, predicted, settings, cycle)
        if batch.phrases is not None and regulariser is not None:
            gpt = regulariser.loss(batch.phrases, predicted)
        return {"total": settings.lambda_distil * distil + settings.lambda_gpt * gpt, "distil": distil, "gpt": gpt}

    return Training(
        network,
        torch.optim.AdamW(
            network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            **optimisers.fused(examples.features.device),
        ),
        LOSSES,
        n_steps=settings.epochs * batches.per_epoch,
        per_epoch=batches.per_epoch,
        batch=batch,
        loss=loss,
        seed=seed,
        dropout="phi dropout",
        inputs=inputs,
        metadata=lambda log: {"n_images": len(examples.image_ids)},
    )


def _require_sense(regulariser: PhraseRegulariser | None, settings: Settings, cycle: CycleLoss | None) -> None:
    if settings.lambda_gpt and regulariser is None:
        raise CirqueError("phi: lambda_gpt is not 0, so phrases are needed")
    if settings.lambda_distil and settings.loss == "cycle" and cycle is None:
        raise CirqueError("phi: the loss cycle reads a text with φ's token, so the backbone is needed")
    if not settings.lambda_gpt and not settings.lambda_distil:
        raise CirqueError("phi: lambda_distil and lambda_gpt are both 0: there is nothing to learn from")


def _distillation(batch: Batch, predicted: Tensor, settings: Settings, cycle: CycleLoss | None) -> Tensor:
    """What φ's tokens of a batch are taught by, beside the phrases."""
    if settings.loss == "cycle" and cycle is not None:
        return cycle.loss(batch.features, predicted)
    if settings.loss == "cosine":
        return losses.cosine_loss(batch.tokens, predicted)
    return losses.distillation_loss(batch.tokens, predicted, settings.temperature, settings.loss)


def train(
    examples: Examples,
    regulariser: PhraseRegulariser | None,
    settings: Settings,
    *,
    cycle: CycleLoss | None = None,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
) -> tuple[phi.Phi, list[dict[str, Any]]]:
    """Train φ in memory; returns φ in evaluation mode and its training log. Arguments as of `training` and `fit`."""
    prepared = training(examples, regulariser, settings, cycle=cycle, seed=seed)
    log = fit(prepared, state_path, seconds_between_saves)
    return prepared.network.requires_grad_(False), log  # type: ignore[return-value]
