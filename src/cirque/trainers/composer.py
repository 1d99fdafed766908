"""Training of a composer: image encoder, text encoder and composition at once (TIRG §5 and §6).

    training = training_of(composer, data, settings, seed)
    log = fit(training, work / "state.safetensors")

Triplets are drawn by (seed, step, row), as are those that the loss picks. References and targets pass the trunk one
after the other, each with batch statistics of their own, as released; a reference that neighbours of a batch share
passes it once. Where the trunk is frozen, the maps of all images are computed once, before the first step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cirque import devices, draws, precisions
from cirque.compositions.model import Model, Named, References
from cirque.datasets import TrainingSet
from cirque.encoders import composers
from cirque.encoders.composers import Composer
from cirque.encoders.moving import moved
from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.training import metric_losses, optimisers
from cirque.training.loop import EpochBatches, Training

Loss = Literal["batch-softmax", "soft-triplet", "soft-triplet-released"]

#: Steps whose mean loss is one line of the log.
PER_LINE = 100


@dataclass(frozen=True)
class Shape:
    """Sizes and choices of a composer; each composition takes those that its `build` names.

    Attributes:
        dim: d: length of features, embedded words and the LSTM's state.
        level: where the reference is changed: its feature (`fc`) or its last map (`conv`).
        hidden: width in the middle of a composition's layers.
        residual_start: weight of TIRG's residual branch at the start.
        branches: of TIRG: both, gated or residual.
        n_candidates: K, weights that parameter hashing has for its matrix.
        scale: s at the start, by which normalised features are multiplied in the loss.
    """

    dim: int
    level: Literal["fc", "conv"]
    hidden: int
    residual_start: float
    branches: Literal["both", "gated", "residual"]
    n_candidates: int
    scale: float


@dataclass(frozen=True)
class Settings:
    """How a composer is trained.

    Attributes:
        loss: batch softmax (K = B), soft triplet as the paper prints it (K = 2), or as released: three triplets an
            anchor, half the gradient.
        steps: optimiser steps.
        batch: queries of a step.
        optimiser: SGD with momentum 0.9, or AdamW.
        learning_rate: of everything but the trunk.
        trunk_rate: of the trunk; 0: it is frozen.
        weight_decay: of all.
        schedule: constant, cosine to 0, or a tenth every `decay_every` steps.
        decay_every: steps between two decays.
    """

    loss: Loss
    steps: int
    batch: int
    optimiser: Literal["sgd", "adamw"]
    learning_rate: float
    trunk_rate: float
    weight_decay: float
    schedule: Literal["constant", "cosine", "steps"]
    decay_every: int


@dataclass(frozen=True)
class Data:
    """What a composer learns from.

    Attributes:
        triplets: of the data set.
        pixels: of its images, uint8 [n, height, width, 3], in the order of `triplets.image_ids`.
        reference_pixels: of the references, where they are pictures of another kind; same order.
        files: that hold all this.
    """

    triplets: TrainingSet
    pixels: NDArray[np.uint8]
    reference_pixels: NDArray[np.uint8] | None = None
    files: Sequence[Path] = ()


@dataclass(frozen=True)
class Batch:
    """A step's queries and targets, on the device."""

    references: Tensor  # maps or pixels, as the composition reads them; one where neighbours share it
    targets: Tensor
    ids: Tensor
    lengths: Tensor
    negatives: Tensor | None = None  # the triplets of the loss as released


@dataclass
class _Source:
    """Images by number, as the model reads them: maps of a frozen trunk, or normalised pixels."""

    composer: Composer
    pixels: NDArray[np.uint8]
    maps: Tensor | None = None

    def __call__(self, rows: NDArray[np.intp]) -> Tensor:
        if self.maps is not None:
            return self.maps[moved(torch.from_numpy(rows), self.maps.device)]
        # Rows in order: a mapped file is read from front to back.
        order = np.argsort(rows, kind="stable")
        return self.composer.normalised(self.pixels[rows[order]][np.argsort(order)])


class _Shared(References):
    """References of which so many neighbours are one picture: its pixels are given once, and pass the trunk once.

    The statistics of a batch in which each picture stands as often as any other are those of the pictures.
    """

    def __init__(self, model: Model, ids: Tensor, lengths: Tensor, pixels: Tensor) -> None:
        super().__init__(model, ids, lengths, pixels=pixels)
        self._each = len(ids) // len(pixels)

    @cached_property
    def maps(self) -> Tensor:
        """The last map of the references [n, channels, height, width]."""
        return self._model.reference_maps(self._needed_pixels()).repeat_interleave(self._each, dim=0)


@dataclass
class Sampler:
    """The triplets of each step.

    Attributes:
        data: with the triplets.
        seed: of the draws.
        batch: triplets of a step.
    """

    data: TrainingSet
    seed: int
    batch: int
    _row: dict[str, int] = field(init=False)
    _order: EpochBatches = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a batch that pairs do not fill.

        Raises:
            CirqueError: neighbours of a batch share their reference, and the batch is odd.
        """
        if self.batch % self.data.triplets_of_a_draw:
            raise CirqueError(
                f"batch: {self.batch} triplets, of which {self.data.triplets_of_a_draw} share a reference; give an even"
                " number"
            )
        self._row = {name: number for number, name in enumerate(self.data.image_ids)}
        self._order = EpochBatches(len(self.data.image_ids), self.batch, self.seed)

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return self._order.per_epoch

    def __call__(self, step: int) -> tuple[NDArray[np.intp], list[str], NDArray[np.intp]]:
        """Rows of references (none where names ask), texts, and rows of targets of a step's triplets."""
        numbers = self._order(step)
        # An image set smaller than a batch passes more than once.
        numbers = [numbers[place % len(numbers)] for place in range(0, self.batch, self.data.triplets_of_a_draw)]
        drawn = [
            triplet
            for place, number in enumerate(numbers)
            for triplet in self.data.draw(number, draws.generator(self.seed, "triplets", step, place))
        ]
        named = [triplet.reference_id for triplet in drawn] if self.data.has_references else []
        references = np.array([self._row[name] for name in named], dtype=np.intp)
        targets = np.array([self._row[triplet.target_id] for triplet in drawn], dtype=np.intp)
        return references, [triplet.text for triplet in drawn], targets


def training_of(
    composer: Composer, data: Data, settings: Settings, seed: int, precision: precisions.Precision = "fp32"
) -> Training:
    """A training of a composer, for `loop.fit`.

    Args:
        composer: with its initial weights, on its device.
        data: what it learns from.
        settings: how.
        seed: of everything random.
        precision: of the products in encoders and composition; weights, sums and the loss are fp32 always.

    Raises:
        CirqueError: the batch does not fit the data's pairs.
    """
    model = composer.model
    sampler = Sampler(data.triplets, seed, settings.batch)
    own_view = data.reference_pixels is not None
    reference_pixels = data.pixels if data.reference_pixels is None else data.reference_pixels
    targets, references = _Source(composer, data.pixels), _Source(composer, reference_pixels)
    changes_trunk = composers.reads_pixels(composer.record["composition"])
    by_maps = model.is_frozen and not changes_trunk
    # Inside the trunk neighbours that share a reference differ by their texts.
    each = 1 if by_maps or changes_trunk else data.triplets.triplets_of_a_draw
    if model.is_frozen:
        targets.maps = _maps(composer, data.pixels, model.image_maps)
    if by_maps:
        references.maps = _maps(composer, reference_pixels, model.reference_maps) if own_view else targets.maps

    def batch(step: int) -> Batch:
        of_references, texts, of_targets = sampler(step)
        if not data.triplets.has_references:
            nothing = torch.empty(0, device=composer.device)
            return Batch(nothing, targets(of_targets), composer.pairs(texts), nothing, negatives(step))
        shown = references(of_references[::each]), targets(of_targets)
        return Batch(*shown, *composer.words(texts), negatives(step))

    def negatives(step: int) -> Tensor | None:
        if settings.loss != "soft-triplet-released":
            return None
        chosen = metric_losses.released_triplets(draws.generator(seed, "negatives", step), settings.batch)
        return moved(torch.from_numpy(chosen), composer.device)

    def loss(given: Batch, step: int) -> Mapping[str, Tensor]:
        with devices.autocast(composer.device, precision):
            queries, found = _features(composer, given, by_maps)
        queries, found = model.normalised(queries.float()), model.normalised(found.float())
        return {"loss": _loss(settings.loss, queries, found, given.negatives)}

    return Training(
        model,
        _optimiser(composer, settings),
        ("loss",),
        n_steps=settings.steps,
        per_epoch=sampler.per_epoch,
        batch=batch,
        loss=loss,
        seed=seed,
        dropout="composer dropout",
        per_line=PER_LINE,
        rates=_rates(composer, settings),
        inputs=data.files,
        what="composer",
    )


def _features(composer: Composer, given: Batch, by_maps: bool) -> tuple[Tensor, Tensor]:
    """Features of a step's queries and targets [n, dim], un-normalised."""
    model, words = composer.model, (given.ids, given.lengths)
    if not len(given.references):
        queries: References | Named = Named(model, given.ids)
    elif by_maps:
        queries = References(model, *words, maps=given.references)
    else:
        queries = _Shared(model, *words, given.references)
    encode = model.encode_maps if model.is_frozen else model.encode_image
    return model.compose(queries), encode(given.targets)


def _loss(kind: Loss, queries: Tensor, targets: Tensor, negatives: Tensor | None) -> Tensor:
    if negatives is not None:
        return metric_losses.soft_triplet_released(queries, targets, negatives)
    return (metric_losses.batch_softmax if kind == "batch-softmax" else metric_losses.soft_triplet)(queries, targets)


def _maps(composer: Composer, pixels: NDArray[np.uint8], trunk: Callable[[Tensor], Tensor]) -> Tensor:
    """The last maps of all images [n, channels, height, width]."""
    size = composers.BATCH[composer.device.type]
    with torch.no_grad():
        composer.model.eval()
        starts = progress(range(0, len(pixels), size), what="maps of a frozen trunk", unit="batch")
        return torch.cat([trunk(composer.normalised(pixels[start : start + size])) for start in starts])


# ---- optimiser ------------------------------------------------------------------------------------------------------


def _groups(composer: Composer, settings: Settings) -> list[tuple[list[nn.Parameter], float]]:
    """Parameters with their learning rates: the trunks, what a composition learns at another rate, and all else."""
    trunks = [weight for trunk in composer.model.trunks for weight in trunk.parameters()]
    composition = composer.model.composition
    slowed: Mapping[str, float] = getattr(composition, "RATES", {})
    groups = [(trunks, settings.trunk_rate)] if settings.trunk_rate else []
    groups += [
        (list(composition.get_submodule(name).parameters()), settings.learning_rate * factor)
        for name, factor in slowed.items()
    ]
    placed = {id(weight) for weights, _ in [(trunks, 0.0), *groups] for weight in weights}
    others = [weight for weight in composer.model.parameters() if id(weight) not in placed]
    return [(others, settings.learning_rate), *groups]


def _optimiser(composer: Composer, settings: Settings) -> torch.optim.Optimizer:
    groups = [{"params": weights, "lr": rate} for weights, rate in _groups(composer, settings)]
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(groups, weight_decay=settings.weight_decay, **optimisers.fused(composer.device))
    return torch.optim.SGD(groups, momentum=0.9, weight_decay=settings.weight_decay, fused=True)


def _rates(composer: Composer, settings: Settings) -> Callable[[int], Sequence[float]]:
    """Step → learning rate of each group."""
    first = [rate for _, rate in _groups(composer, settings)]

    def factor(step: int) -> float:
        if settings.schedule == "cosine":
            return 0.5 * (1 + float(np.cos(np.pi * step / settings.steps)))
        return 0.1 ** (step // settings.decay_every) if settings.schedule == "steps" else 1.0

    return lambda step: [rate * factor(step) for rate in first]
