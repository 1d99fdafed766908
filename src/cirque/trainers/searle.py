"""Teach φ from OTI tokens: contrastive distillation, regularised by phrases (SEARLE §3.2, as released).

`python -m cirque train_searle --features … --tokens … --concepts … --phrases … --phrase-features … --weights …`

Order of images, phrases and dropout are drawn from (seed, epoch), (seed, image, epoch) and (seed, step), never from
a running generator: a training that was killed goes on from its last saved step and ends with the same bits.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
from cirque.texts.phrase_pool import PhrasePool, with_placeholder
from cirque.training import losses as phi_losses
from cirque.training.loop import Saver, TrainingState, epoch_batches

#: Losses of the training log, in its order.
LOSSES = ("total", "distil", "gpt")

#: What stands before the pseudo token in every phrase, and the whole text of the cycle loss.
PREFIX = "a photo of"
PROMPT = f"{PREFIX} {text.PLACEHOLDER}"

#: Tokenised phrases that are kept, as draws repeat: some 50 MB.
PHRASES_KEPT = 1 << 17


@dataclass(frozen=True)
class Settings:
    """Training of φ; λs are not divided by their sum, unlike inversion's.

    `loss` is what λ_distil weighs. `released` and `paper` are forms of the method; the others are ablations of SEARLE
    Table 4, in which λ_gpt = 0 is "w/o reg" and all else stays:

    * `released`, `paper`: contrastive distillation of the OTI tokens (`phi_losses.distillation_loss`).
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


class PhraseRegulariser:
    """Draws a phrase for each image and compares it with the same phrase in which φ's token stands for the concept."""

    def __init__(
        self,
        backbone: Backbone,
        pool: PhrasePool,
        image_ids: Sequence[str],
        concepts: Sequence[Sequence[str]],
        *,
        settings: Settings,
        seed: int,
    ) -> None:
        """Keep the usable ones of each image's first concepts.

        Args:
            backbone: whose text tower reads the phrases.
            pool: phrases and their features.
            image_ids: images, in the order of `concepts`.
            concepts: nearest concepts of each image, most similar first.
            settings: `n_concepts` and `replace`.
            seed: of the draws.

        Raises:
            CirqueError: the features are of another backbone, or an image has no usable concept.
        """
        if len(pool.features) and pool.features.shape[1] != backbone.dim:
            raise CirqueError(
                f"phrase features have {pool.features.shape[1]} dimensions and the backbone {backbone.name} has"
                f" {backbone.dim}: they are of different backbones"
            )
        self.backbone, self.pool, self.image_ids, self.seed = backbone, pool, list(image_ids), seed
        self.replace = settings.replace
        self.allowed = [
            pool.allowed(names, settings.n_concepts, f"image {image_id}")
            for image_id, names in zip(image_ids, concepts, strict=True)
        ]
        self.encoder = PackedEncoder(backbone, prefixes=[PREFIX])
        self.names = list(pool.rows)
        self._pseudo_ids = functools.lru_cache(maxsize=PHRASES_KEPT)(self._tokenise)

    def draw(self, image: int, epoch: int) -> tuple[int, int]:
        """Row of a concept and number of a phrase for one image: uniform concept, then uniform phrase of it."""
        generator = draws.generator(self.seed, "phi", self.image_ids[image], epoch)
        row = int(self.allowed[image][generator.integers(len(self.allowed[image]))])
        first, end = self.pool.starts[row : row + 2]
        return row, int(generator.integers(first, end))

    def _tokenise(self, row: int, number: int) -> list[int]:
        """Token ids of a phrase with the placeholder for its concept."""
        phrase = with_placeholder(self.names[row], self.pool.phrase(number), self.replace)
        return text.tokenize(self.backbone, [phrase], truncate=True)[0]

    def loss(self, images: Sequence[int], epoch: int, tokens: Tensor) -> Tensor:
        """L_gpt of a batch: `images` are rows, `tokens` [batch, token_dim] are φ's for them."""
        _require_dim(self.backbone, "inversion tokens", tokens.shape[1], self.backbone.token_dim)
        drawn = [self.draw(image, epoch) for image in images]
        ids = [self._pseudo_ids(row, number) for row, number in drawn]
        # Only the first placeholder takes the token; the others stay a literal $, as released.
        with_token = self.encoder(self.encoder.prepare(ids).pack(replace="first"), tokens)
        phrases = torch.from_numpy(self.pool.features[[number for _, number in drawn]]).to(tokens.device)
        return phi_losses.cosine_loss(with_token, phrases)


class CycleLoss:
    """Compares the text `a photo of $` with φ's token to the image that the token is of: "w/o distil", SEARLE Table 4.

    The paper says that PALAVRA's cycle contrastive loss between text and image features takes the place of the
    distillation, and gives neither prompt nor τ. Our decision: the bare prompt, the released distillation's form of
    NT-Xent (PALAVRA's own loss has the same), and its τ.
    """

    def __init__(self, backbone: Backbone, temperature: float) -> None:
        """Compute the prompt's constants.

        Args:
            backbone: whose text tower reads the tokens, and whose image tower gave the features.
            temperature: τ.
        """
        self.backbone, self.temperature = backbone, temperature
        self.encoder = PackedEncoder(backbone, prefixes=[PREFIX])
        self.prompt = self.encoder.prepare(text.tokenize(backbone, [PROMPT]))

    def loss(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Loss of image features [batch, dim], of any length, and φ's tokens for them [batch, token_dim]."""
        _require_dim(self.backbone, "image features", features.shape[1], self.backbone.dim)
        _require_dim(self.backbone, "inversion tokens", tokens.shape[1], self.backbone.token_dim)
        texts = self.encoder(self.prompt.pack(chosen=np.zeros(len(tokens), dtype=np.int64)), tokens)
        return phi_losses.distillation_loss(features, texts, self.temperature, "released")


def _require_dim(backbone: Backbone, what: str, found: int, needed: int) -> None:
    """Refuse vectors of another backbone.

    Raises:
        CirqueError: they have another number of dimensions.
    """
    if found != needed:
        raise CirqueError(
            f"{what} have {found} dimensions and the backbone {backbone.name} needs {needed}: they are of different"
            " backbones"
        )


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
    """Train φ, going on from `state_path` if it is there.

    Args:
        examples: features and inversion tokens, on the device to train on.
        regulariser: may be None where λ_gpt is 0.
        settings: losses and optimisation.
        cycle: for the loss `cycle`; no other reads it.
        seed: of initial weights, order, phrases and dropout.
        state_path: file for the state of an unfinished training; the caller removes it when done.
        seconds_between_saves: how much work a kill may cost.

    Returns:
        φ in evaluation mode, and the rows of the training log: mean losses of each epoch.

    Raises:
        CirqueError: a loss is not finite, both λs are 0, or the regulariser or the cycle loss is missing.
    """
    if settings.lambda_gpt and regulariser is None:
        raise CirqueError("phi: lambda_gpt is not 0, so phrases are needed")
    if settings.lambda_distil and settings.loss == "cycle" and cycle is None:
        raise CirqueError("phi: the loss cycle reads a text with φ's token, so the backbone is needed")
    if not settings.lambda_gpt and not settings.lambda_distil:
        raise CirqueError("phi: lambda_distil and lambda_gpt are both 0: there is nothing to learn from")
    device = examples.features.device
    network = phi.initial(examples.features.shape[1], examples.tokens.shape[1], settings.dropout, seed)
    network = network.to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    state = TrainingState(network, optimiser, LOSSES)
    state.resume(state_path)
    batches: list[list[int]] = []
    per_epoch = len(epoch_batches(len(examples.image_ids), settings.batch, seed, 0))
    saver = Saver(state_path, seconds_between_saves)
    bar: Any = progress(total=settings.epochs * per_epoch, what="φ", unit="step", initial=state.step)
    with bar, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while state.step < settings.epochs * per_epoch:
            epoch, place = divmod(state.step, per_epoch)
            if not batches or place == 0:
                batches = epoch_batches(len(examples.image_ids), settings.batch, seed, epoch)
            _step(state, examples, regulariser, settings, cycle=cycle, seed=seed, epoch=epoch, images=batches[place])
            bar.update()
            if place == per_epoch - 1:
                means = state.end_epoch(epoch, per_epoch)
                bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()}, refresh=False)
            saver.after_step(state)
    return network.eval().requires_grad_(False), state.log


def _step(
    state: TrainingState,
    examples: Examples,
    regulariser: PhraseRegulariser | None,
    settings: Settings,
    *,
    cycle: CycleLoss | None,
    seed: int,
    epoch: int,
    images: list[int],
) -> None:
    """One optimiser step."""
    torch.manual_seed(draws.seed_of(seed, "phi dropout", state.step))
    predicted = state.network(examples.features[images])
    zero = predicted.new_zeros(())
    distil, gpt = zero, zero
    if settings.lambda_distil:
        distil = _distillation(examples, images, predicted, settings, cycle)
    if settings.lambda_gpt and regulariser is not None:
        gpt = regulariser.loss(images, epoch, predicted)
    total = settings.lambda_distil * distil + settings.lambda_gpt * gpt
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(total)
    state.add({"total": total.item(), "distil": distil.item(), "gpt": gpt.item()})
    state.optimiser.step()


def _distillation(
    examples: Examples, images: list[int], predicted: Tensor, settings: Settings, cycle: CycleLoss | None
) -> Tensor:
    """What φ's tokens of a batch are taught by, beside the phrases."""
    if settings.loss == "cycle" and cycle is not None:
        return cycle.loss(examples.features[images], predicted)
    if settings.loss == "cosine":
        return phi_losses.cosine_loss(examples.tokens[images], predicted)
    return phi_losses.distillation_loss(examples.tokens[images], predicted, settings.temperature, settings.loss)
