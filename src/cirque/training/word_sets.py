"""What PALAVRA's networks learn from: sets of a word's images and captions, drawn for (word, epoch), and its labels."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.errors import CirqueError
from cirque.texts import object_words
from cirque.texts.object_words import ObjectWords

#: Features of labels in prompts that are kept, as draws repeat: some 270 MB for 512 dimensions.
LABELS_KEPT = 1 << 17

#: Texts that are encoded together.
TEXTS_AT_ONCE = 32


@dataclass(frozen=True)
class Pairs:
    """Images and their captions, one row a pair."""

    images: NDArray[np.float32]  # [n, dim], L2-normalised
    captions: pa.Table  # schemas.CAPTIONS, in one chunk
    caption_features: NDArray[np.float32]  # [n, dim], un-normalised


class Labels:
    """What a token must come to mean: a label's text features and the embedding of its first piece."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone, self.tower = backbone, text.tower(backbone)
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    def features(self, template: str, labels: Sequence[str]) -> Tensor:
        """Features of the template filled with each label [n, dim], un-normalised."""
        texts = [template.format(label) for label in labels]
        unknown = [words for words in dict.fromkeys(texts) if words not in self._kept]
        self._kept.update(self._encode(unknown))
        found = torch.stack([self._kept[words] for words in texts])
        while len(self._kept) > LABELS_KEPT:
            self._kept.popitem(last=False)
        return found

    def _encode(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Features of texts, each the same to the bit whatever else is unknown: a training that goes on knows less.

        A matrix product may round differently for another number of rows, so texts of one length are encoded by so many
        at a time, the last ones filled up.
        """
        by_length: dict[int, list[tuple[str, list[int]]]] = {}
        for words, ids in zip(texts, text.tokenize(self.backbone, texts, truncate=True), strict=True):
            by_length.setdefault(len(ids), []).append((words, ids))
        found: dict[str, Tensor] = {}
        for rows in by_length.values():
            for start in range(0, len(rows), TEXTS_AT_ONCE):
                part = rows[start : start + TEXTS_AT_ONCE]
                filled = [*part, *[part[-1]] * (TEXTS_AT_ONCE - len(part))]
                with torch.no_grad():
                    features = text.encode(self.backbone, [ids for _, ids in filled]).float()
                found |= {words: feature for (words, _), feature in zip(part, features, strict=False)}
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
            found: Tensor = self.tower.token_embedding(moved(torch.tensor(rows), self.tower.device)[:, 0])
            return found.float()


class Examples:
    """Sets of a word's images and captions, drawn for (word, epoch)."""

    def __init__(
        self, pairs: Pairs, words: ObjectWords, names: Sequence[Sequence[str]], set_size: int, seed: int
    ) -> None:
        """Keep what is drawn from.

        Args:
            pairs: images and captions.
            words: the object words of the captions.
            names: names of the vocabulary that may stand for each word.
            set_size: images or captions of a set.
            seed: of the draws.
        """
        self.pairs, self.words, self.names, self.seed = pairs, words, names, seed
        self.set_size = set_size

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
