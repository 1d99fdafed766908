"""Teach PALAVRA's networks: a token of a set of images must read as the word that all of them show (spec searle §8.1).

`python -m cirque train_palavra --features … --captions … --caption-features … --vocabulary … --output phi.safetensors`

An epoch has two passes over the object words. In the first f_θ reads images of a word, and A learns to move their
captions to them. In the second it reads captions instead, moved by A, in which a name of the vocabulary stands for the
word, so that it meets more names than words.

Order, sets, names, prompts and dropout are drawn from (seed, item, epoch) and (seed, step), never from a running
generator: a training that was killed goes on from its last saved step and ends with the same bits.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError
from cirque.networks import palavra
from cirque.progress import progress
from cirque.texts import object_words
from cirque.texts.object_words import ObjectWords
from cirque.texts.templates import PALAVRA_TEMPLATES
from cirque.training import losses as phi_losses
from cirque.training.loop import Saver, TrainingState

#: Losses of the training log, in its order: of the pass over images, and of that over captions.
LOSSES = ("cycle", "gt", "alignment", "cycle_of_captions", "gt_of_captions")

#: Features of labels in prompts that are kept, as draws repeat: some 270 MB for 512 dimensions.
LABELS_KEPT = 1 << 17

#: How often the released code steps its scheduler in an epoch: after each pass, and after a test.
RELEASED_STEPS = 3


@dataclass(frozen=True)
class Settings:
    """Training of f_θ and A, both by Adam.

    `schedule` says when the learning rate of f_θ falls by the factor `decay`: `released` counts three steps an epoch,
    which the release does without saying so, `epoch` counts one.
    """

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


@dataclass(frozen=True)
class Pairs:
    """Images and their captions, one row a pair."""

    images: NDArray[np.float32]  # [n, dim], L2-normalised
    captions: pa.Table  # schemas.CAPTIONS, in one chunk
    caption_features: NDArray[np.float32]  # [n, dim], un-normalised


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


# ---- what is drawn -------------------------------------------------------------------------------------------------


class Labels:
    """What a token must come to mean: a label's text features and the embedding of its first piece."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone, self.tower = backbone, text.tower(backbone)
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def features(self, template: str, labels: Sequence[str]) -> Tensor:
        """Features of the template filled with each label [n, dim], un-normalised."""
        texts = [template.format(label) for label in labels]
        unknown = [words for words in dict.fromkeys(texts) if words not in self._kept]
        if unknown:
            with torch.no_grad():
                ids = text.tokenize(self.backbone, unknown, truncate=True)
                self._kept.update(zip(unknown, text.encode(self.backbone, ids).float(), strict=True))
        found = torch.stack([self._kept[words] for words in texts])
        while len(self._kept) > LABELS_KEPT:
            self._kept.popitem(last=False)
        return found

    def pieces(self, labels: Sequence[str]) -> Tensor:
        """Token embedding of the first piece of each label [n, token_dim].

        Raises:
            CirqueError: a label has none.
        """
        rows = [text.inner_ids(self.backbone.tokenizer, label)[:1] for label in labels]
        without = [label for label, row in zip(labels, rows, strict=True) if not row]
        if without:
            raise CirqueError(f"palavra: the label {without[0]!r} is no text for a tokenizer; take it out")
        with torch.no_grad():
            found: Tensor = self.tower.token_embedding(torch.tensor(rows, device=self.tower.device)[:, 0])
            return found.float()


class Examples:
    """Sets of a word's images and captions, drawn for (word, epoch)."""

    def __init__(
        self, pairs: Pairs, words: ObjectWords, names: Sequence[Sequence[str]], settings: Settings, seed: int
    ) -> None:
        """Keep what is drawn from.

        Args:
            pairs: images and captions.
            words: the object words of the captions.
            names: names of the vocabulary that may stand for each word.
            settings: `set_size`.
            seed: of the draws.
        """
        self.pairs, self.words, self.names, self.seed = pairs, words, names, seed
        self.set_size = settings.set_size

    def rows(self, word: int, epoch: int, what: str) -> NDArray[np.int64]:
        """Which of the pairs of a word make its set, [set]."""
        generator = draws.generator(self.seed, f"palavra {what}", self.words.names[word], epoch)
        return generator.integers(len(self.words.captions[word]), size=self.set_size)

    def images(self, words: Sequence[int], epoch: int) -> NDArray[np.int64]:
        """Rows of the pairs of each word's set, [n_words, set]."""
        return np.stack([self.words.captions[word][self.rows(word, epoch, "images")] for word in words])

    def captions(self, word: int, epoch: int) -> tuple[str, list[str]]:
        """A name for a word, and captions of it in which that name stands."""
        generator = draws.generator(self.seed, "palavra name", self.words.names[word], epoch)
        name = self.names[word][int(generator.integers(len(self.names[word])))]
        chosen = self.rows(word, epoch, "captions")
        rows, places = self.words.captions[word][chosen], self.words.places[word][chosen]
        return name, [self._about(int(row), int(place), name) for row, place in zip(rows, places, strict=True)]

    def _about(self, row: int, place: int, name: str) -> str:
        table = self.pairs.captions
        return object_words.sentence_about(
            table["caption"][row].as_py(), table["words"][row].as_py(), place, f" {name} "
        )


def word_batches(n_words: int, batch: int, seed: int, epoch: int, what: str) -> list[list[int]]:
    """The words in a drawn order, cut into batches of which the last may be smaller, as released."""
    order = draws.generator(seed, f"palavra order of {what}", epoch).permutation(n_words).tolist()
    return [order[start : start + batch] for start in range(0, n_words, batch)]


# ---- optimisation --------------------------------------------------------------------------------------------------


class Objective:
    """The losses of both passes."""

    def __init__(self, backbone: Backbone, examples: Examples, settings: Settings) -> None:
        """Compute the prompts' constants.

        Args:
            backbone: whose text tower reads tokens and labels.
            examples: what is drawn.
            settings: τ.
        """
        self.backbone, self.examples, self.settings = backbone, examples, settings
        starts = [template.split("{}")[0] for template in PALAVRA_TEMPLATES]
        self.encoder = PackedEncoder(backbone, starts)
        texts = [template.format(f" {text.PLACEHOLDER} ") for template in PALAVRA_TEMPLATES]
        self.prompts = self.encoder.prepare(text.tokenize(backbone, texts))
        self.labels = Labels(backbone)

    def of_images(self, network: palavra.PalavraPhi, words: Sequence[int], epoch: int) -> dict[str, Tensor]:
        """Losses of a batch of words in the first pass."""
        pairs, rows = self.examples.pairs, self.examples.images(words, epoch)
        images = self._tensor(pairs.images[rows])
        tokens = network.set_encoder(images)
        labels = [self.examples.words.names[word] for word in words]
        cycle, gt = self._of_tokens(tokens, labels, epoch, "images")
        moved = network.align(self._tensor(pairs.caption_features[rows]))
        return {"cycle": cycle, "gt": gt, "alignment": alignment_loss(moved, images)}

    def of_captions(self, network: palavra.PalavraPhi, words: Sequence[int], epoch: int) -> dict[str, Tensor]:
        """Losses of a batch of words in the second pass; A learns nothing in it."""
        drawn = [self.examples.captions(word, epoch) for word in words]
        ids = text.tokenize(self.backbone, [caption for _, own in drawn for caption in own], truncate=True)
        with torch.no_grad():
            moved = functional.normalize(network.align(text.encode(self.backbone, ids).float()), dim=-1)
        tokens = network.set_encoder(moved.view(len(words), -1, moved.shape[1]))
        cycle, gt = self._of_tokens(tokens, [name for name, _ in drawn], epoch, "captions")
        return {"cycle_of_captions": cycle, "gt_of_captions": gt}

    def _of_tokens(self, tokens: Tensor, labels: Sequence[str], epoch: int, what: str) -> tuple[Tensor, Tensor]:
        """L_cycle and L_gt of tokens [n, token_dim]; a pass of an epoch has one prompt."""
        drawn = draws.generator(self.examples.seed, f"palavra prompt of {what}", epoch).integers(len(PALAVRA_TEMPLATES))
        chosen = np.full(len(labels), drawn, dtype=np.int64)
        read = self.encoder(self.prompts.pack(chosen), tokens)
        meant = self.labels.features(PALAVRA_TEMPLATES[drawn], labels)
        cycle = phi_losses.distillation_loss(meant, read, self.settings.temperature, "released")
        return cycle, label_loss(tokens, self.labels.pieces(labels))

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.encoder.device)


def train(
    examples: Examples,
    backbone: Backbone,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
) -> tuple[palavra.PalavraPhi, list[dict[str, Any]]]:
    """Train both networks, going on from `state_path` if it is there.

    Args:
        examples: of the same seed and settings.
        backbone: the CLIP of the pairs' features.
        settings: networks, losses and optimisation.
        seed: of initial weights, order, prompts and dropout.
        state_path: file for the state of an unfinished training; the caller removes it when done.
        seconds_between_saves: how much work a kill may cost.

    Returns:
        The networks in evaluation mode, and the rows of the training log: mean losses of each epoch.

    Raises:
        CirqueError: the features are of another backbone, a batch has nothing to contrast, or a loss is not finite.
    """
    n_words = len(examples.words.names)
    _require_sense(examples.pairs, backbone, settings, n_words)
    device = text.tower(backbone).device
    network = palavra.initial(backbone.dim, backbone.token_dim, settings.dropout, settings.width, seed)
    network = network.to(device).train()
    groups = [
        {"params": list(network.set_encoder.parameters()), "lr": settings.learning_rate},
        {"params": list(network.alignment.parameters()), "lr": settings.alignment_rate},
    ]
    state = TrainingState(network, torch.optim.Adam(groups), LOSSES)
    state.resume(state_path)
    objective = Objective(backbone, examples, settings)
    per_pass = -(-n_words // settings.batch)
    n_steps = settings.epochs * 2 * per_pass
    saver = Saver(state_path, seconds_between_saves)
    bar: Any = progress(total=n_steps, what="f_θ", unit="step", initial=state.step)
    with bar, torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        while state.step < n_steps:
            epoch, place = divmod(state.step, 2 * per_pass)
            of_captions, place = divmod(place, per_pass)
            what = "captions" if of_captions else "images"
            words = word_batches(n_words, settings.batch, seed, epoch, what)[place]
            _step(state, objective, words, epoch=epoch, of_captions=bool(of_captions), seed=seed)
            bar.update()
            if of_captions and place == per_pass - 1:
                means = state.end_epoch(epoch, per_pass)
                bar.set_postfix({name: f"{value:.3f}" for name, value in means.items()}, refresh=False)
            saver.after_step(state)
    return network.eval().requires_grad_(False), state.log


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


def _step(
    state: TrainingState, objective: Objective, words: Sequence[int], *, epoch: int, of_captions: bool, seed: int
) -> None:
    """One optimiser step; a parameter without a gradient, as A's in the second pass, stays as it is."""
    torch.manual_seed(draws.seed_of(seed, "palavra dropout", state.step))
    network = state.network
    assert isinstance(network, palavra.PalavraPhi)
    losses = (objective.of_captions if of_captions else objective.of_images)(network, words, epoch)
    weights = {"gt": objective.settings.lambda_gt, "gt_of_captions": objective.settings.lambda_gt}
    total = torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(total)
    state.optimiser.param_groups[0]["lr"] = learning_rate(epoch, of_captions, objective.settings)
    state.add({name: losses[name].item() if name in losses else 0.0 for name in LOSSES})
    state.optimiser.step()
