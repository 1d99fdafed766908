"""Teach PALAVRA's networks: a token of a set of images must read as the word that all of them show (spec searle §8.1).

`python -m cirque train_network palavra --features … --captions … --caption-features … --vocabulary …`

An epoch has two passes over the object words. In the first f_θ reads images of a word, and A learns to move their
captions to them. In the second it reads captions instead, moved by A, in which a name of the vocabulary stands for the
word, so that it meets more names than words.

Order, sets, names, prompts and dropout are drawn from (seed, item, epoch) and (seed, step).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cirque import draws
from cirque.data import image_lists
from cirque.datasets import cc3m
from cirque.encoders import backbones, text
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.packing import Layout
from cirque.errors import CirqueError
from cirque.networks import palavra
from cirque.progress import say
from cirque.texts import concepts, object_words
from cirque.texts.templates import PALAVRA_TEMPLATES
from cirque.training import caption_pairs, optimisers
from cirque.training import losses as shared_losses
from cirque.training.loop import TOTAL, Training, fit
from cirque.training.word_sets import Examples, Labels, Pairs

#: Losses of the training log, in its order: of the pass over images, and of that over captions.
LOSSES = ("cycle", "gt", "alignment", "cycle_of_captions", "gt_of_captions")

#: How often the released code steps its scheduler in an epoch: after each pass, and after a test.
RELEASED_STEPS = 3


@dataclass(frozen=True)
class Settings:
    """Training of f_θ and A, both by Adam.

    `schedule` says when the learning rate of f_θ falls by the factor `decay`: `released` counts three steps an epoch,
    which the release does without saying so, `epoch` counts one.
    """

    n_pairs: int  # images with their captions to read at most, from the first on
    n_words: int  # most frequent nouns that are learned
    set_size: int  # images of a set, drawn with replacement
    width: int  # of the hidden layers of f_θ
    epochs: int
    batch: int  # words that the loss contrasts
    learning_rate: float  # of f_θ
    alignment_rate: float  # of A
    dropout: float
    temperature: float  # τ
    lambda_gt: float
    decay: float
    decay_every: int  # steps of the schedule
    schedule: Literal["released", "epoch"]


def prepare(
    *,
    features: list[Path],
    titles: Path,
    captions: list[Path],
    caption_features: list[Path],
    vocabulary: Path,
    weights: Path,
    settings: Settings,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Training:
    """The training of both networks on captioned images.

    Args:
        features: Feature files of the image set, in its order; images that failed are left out.
        titles: The list of the set's images with the caption of each.
        captions: Tagged captions of the corpus.
        caption_features: Their text features by the same backbone, in the same order.
        vocabulary: Concept names, which stand for the words of captions in turn.
        weights: Weights of the backbone.
        settings: Pairs, networks, losses and optimisation.
        seed: Seed of everything random.
        device: Where to train.
        dtype: Of the text tower's products with a token; texts without one are encoded in fp32.
    """
    backbone = backbones.load(weights, device)
    image_ids, images, n_failed = caption_pairs.first_images(features, settings.n_pairs)
    (folder,) = cc3m.image_folders("train")
    of_images = dict(image_lists.read(titles, folder, cc3m.DOCS))
    pairs, n_without = caption_pairs.paired(image_ids, images, of_images, captions, caption_features)
    say(f"palavra: {len(images):,} images, {n_failed} further ones failed, {n_without} have no caption: left out")
    words = object_words.find(pairs.captions, settings.n_words)
    say(f"palavra: {len(words.names):,} words, from {words.names[0]!r} to {words.names[-1]!r}")
    names = object_words.names_of_words(concepts.read_vocabulary(vocabulary), words.names, backbone)
    return training(
        Examples(pairs, words, names, settings.set_size, seed),
        backbone,
        settings,
        seed=seed,
        dtype=dtype,
        inputs=[*features, titles, *captions, *caption_features, vocabulary, weights],
        metadata={
            "n_pairs": len(pairs.images),
            "n_failed": n_failed,
            "n_without_caption": n_without,
            "words": words.names,
        },
    )


# ---- losses --------------------------------------------------------------------------------------------------------


def label_loss(tokens: Tensor, pieces: Tensor) -> Tensor:
    """L_gt: mean square of the difference over all components of unit vectors, both [n, token_dim]."""
    return functional.mse_loss(functional.normalize(tokens, dim=-1), functional.normalize(pieces, dim=-1))


def alignment_loss(moved: Tensor, images: Tensor) -> Tensor:
    """The same between captions moved by A and the images that they are of, both [n, dim]."""
    return functional.mse_loss(functional.normalize(moved, dim=-1), functional.normalize(images, dim=-1))


def learning_rate(epoch: int, of_captions: bool, settings: Settings) -> float:
    """Learning rate of f_θ in one of both passes of an epoch."""
    steps = RELEASED_STEPS * epoch + int(of_captions) if settings.schedule == "released" else epoch
    return settings.learning_rate * settings.decay ** (steps // settings.decay_every)


@dataclass(frozen=True)
class Batch:
    """What a step of either pass is computed from, on the device to train on."""

    sets: Tensor  # [n_words, set, dim]: images, or text features of captions, which A moves before f_θ reads them
    captions: Tensor | None  # features of the images' captions [n_words, set, dim]; None in the second pass
    prompt: Layout  # a text for each token
    meant: Tensor  # features of the labels in that prompt [n_words, dim]
    pieces: Tensor  # embedding of each label's first piece [n_words, token_dim]


class Objective:
    """The batches and losses of both passes."""

    def __init__(
        self, backbone: Backbone, examples: Examples, settings: Settings, dtype: torch.dtype = torch.float32
    ) -> None:
        """Compute the prompts' constants.

        Args:
            backbone: whose text tower reads tokens and labels.
            examples: what is drawn.
            settings: τ.
            dtype: of the tower's products with a token.
        """
        self.backbone, self.examples, self.settings = backbone, examples, settings
        starts = [template.split("{}")[0] for template in PALAVRA_TEMPLATES]
        self.encoder = PackedEncoder(backbone, starts, dtype)
        texts = [template.format(f" {text.PLACEHOLDER} ") for template in PALAVRA_TEMPLATES]
        self.prompts = self.encoder.prepare(text.tokenize(backbone, texts))
        self.labels = Labels(backbone)

    def of_images(self, words: Sequence[int], epoch: int) -> Batch:
        """A batch of words in the first pass."""
        pairs, rows = self.examples.pairs, self.examples.images(words, epoch)
        labels = [self.examples.words.names[word] for word in words]
        sets = [torch.from_numpy(of_pairs[rows]) for of_pairs in (pairs.images, pairs.caption_features)]
        images, captions = moved(sets, self.encoder.device)
        return Batch(images, captions, *self._of_labels(labels, epoch, "images"))

    def of_captions(self, words: Sequence[int], epoch: int) -> Batch:
        """A batch of words in the second pass."""
        drawn = [self.examples.captions(word, epoch) for word in words]
        ids = text.tokenize(self.backbone, [caption for _, own in drawn for caption in own], truncate=True)
        with torch.no_grad():
            read = text.encode(self.backbone, ids).float()
        labels = [name for name, _ in drawn]
        return Batch(read.view(len(words), -1, read.shape[1]), None, *self._of_labels(labels, epoch, "captions"))

    def _of_labels(self, labels: Sequence[str], epoch: int, what: str) -> tuple[Layout, Tensor, Tensor]:
        """Prompt, features and first pieces of labels; a pass of an epoch has one prompt."""
        drawn = draws.generator(self.examples.seed, f"palavra prompt of {what}", epoch).integers(len(PALAVRA_TEMPLATES))
        prompt = self.prompts.pack(np.full(len(labels), drawn, dtype=np.int64))
        return prompt, self.labels.features(PALAVRA_TEMPLATES[drawn], labels), self.labels.pieces(labels)

    def losses(self, network: palavra.PalavraPhi, batch: Batch) -> dict[str, Tensor]:
        """Losses of a batch by name; in the second pass A learns nothing."""
        if batch.captions is None:
            with torch.no_grad():
                moved_captions = functional.normalize(network.align(batch.sets.flatten(0, 1)), dim=-1)
            cycle, gt = self._of_tokens(network.set_encoder(moved_captions.view_as(batch.sets)), batch)
            return {"cycle_of_captions": cycle, "gt_of_captions": gt}
        cycle, gt = self._of_tokens(network.set_encoder(batch.sets), batch)
        aligned = alignment_loss(network.align(batch.captions), batch.sets)
        return {"cycle": cycle, "gt": gt, "alignment": aligned}

    def _of_tokens(self, tokens: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """L_cycle and L_gt of tokens [n, token_dim]."""
        read = self.encoder(batch.prompt, tokens)
        cycle = shared_losses.distillation_loss(batch.meant, read, self.settings.temperature, "released")
        return cycle, label_loss(tokens, batch.pieces)


# ---- optimisation --------------------------------------------------------------------------------------------------


def word_batches(n_words: int, batch: int, seed: int, epoch: int, what: str) -> list[list[int]]:
    """The words in a drawn order, cut into batches of which the last may be smaller, as released."""
    order = draws.generator(seed, f"palavra order of {what}", epoch).permutation(n_words).tolist()
    return [order[start : start + batch] for start in range(0, n_words, batch)]


def training(
    examples: Examples,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    dtype: torch.dtype = torch.float32,
    inputs: Sequence[Path] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Training:
    """The training of both networks on examples in memory.

    Args:
        examples: of the same seed and settings.
        backbone: the CLIP of the pairs' features.
        settings: networks, losses and optimisation.
        seed: of initial weights, order, prompts and dropout.
        dtype: of the text tower's products with a token.
        inputs: files that all this was read from.
        metadata: what the description of the networks says besides.

    Raises:
        CirqueError: the features are of another backbone, or a batch has nothing to contrast.
    """
    n_words = len(examples.words.names)
    _require_sense(examples.pairs, backbone, settings, n_words)
    network = palavra.initial(backbone.dim, backbone.token_dim, settings.dropout, settings.width, seed)
    network = network.to(text.tower(backbone).device)
    groups = [
        {"params": list(network.set_encoder.parameters()), "lr": settings.learning_rate},
        {"params": list(network.alignment.parameters()), "lr": settings.alignment_rate},
    ]
    objective = Objective(backbone, examples, settings, dtype)
    per_pass = -(-n_words // settings.batch)
    weights = {"gt": settings.lambda_gt, "gt_of_captions": settings.lambda_gt}

    def batch(step: int) -> Batch:
        epoch, place = divmod(step, 2 * per_pass)
        of_captions, place = divmod(place, per_pass)
        what, of_pass = ("captions", objective.of_captions) if of_captions else ("images", objective.of_images)
        return of_pass(word_batches(n_words, settings.batch, seed, epoch, what)[place], epoch)

    def loss(drawn: Batch, step: int) -> dict[str, Tensor]:
        losses = objective.losses(network, drawn)
        total = torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
        return {TOTAL: total, **losses}

    def rates(step: int) -> list[float]:
        epoch, place = divmod(step, 2 * per_pass)
        return [learning_rate(epoch, place >= per_pass, settings), settings.alignment_rate]

    return Training(
        network,
        torch.optim.Adam(groups, **optimisers.fused(objective.encoder.device)),
        LOSSES,
        n_steps=settings.epochs * 2 * per_pass,
        per_epoch=2 * per_pass,
        batch=batch,
        loss=loss,
        seed=seed,
        dropout="palavra dropout",
        rates=rates,
        inputs=inputs,
        metadata=lambda log: dict(metadata or {}),
        what="f_θ",
    )


def _require_sense(pairs: Pairs, backbone: Backbone, settings: Settings, n_words: int) -> None:
    """Refuse what cannot be trained.

    Raises:
        CirqueError: it says why.
    """
    for what, features in (("image", pairs.images), ("caption", pairs.caption_features)):
        if features.shape[1] != backbone.dim:
            raise CirqueError(
                f"palavra: {what} features have {features.shape[1]} dimensions and the backbone {backbone.name} has"
                f" {backbone.dim}: they are of different backbones"
            )
    if min(n_words, settings.batch) < 2 or settings.set_size < 1:
        raise CirqueError(
            f"palavra: batches of {settings.batch} from {n_words} words, in sets of {settings.set_size}, have nothing"
            " to contrast; give at least 2 of each, and sets of at least 1"
        )


def train(
    examples: Examples,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
) -> tuple[palavra.PalavraPhi, list[dict[str, Any]]]:
    """Train both networks in memory; returns them in evaluation mode and the training log. Arguments as above."""
    prepared = training(examples, backbone, settings, seed=seed)
    log = fit(prepared, state_path, seconds_between_saves)
    return prepared.network.requires_grad_(False), log  # type: ignore[return-value]
