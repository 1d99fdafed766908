"""Object words of captions, for PALAVRA: the most frequent nouns, and which captions speak of each.

    words = find(captions, n_words=1000)
    sentence_about("a red ball", ["a", "red", "ball"], place=2, name="Basketball")  # "a red Basketball"

PALAVRA takes subjects and objects of COCO's captions from a file of parsed triples; here nouns stand for them, as a
tagger finds them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.texts.keywords import MASK, NOUN_POS, replace_spans

#: By what the nearest object word to a name of the vocabulary is found.
PROMPT = "This is a photo of a {}"

#: Captions that are looked through at once.
CAPTIONS_AT_ONCE = 8192


@dataclass(frozen=True)
class ObjectWords:
    """Words and the captions that hold them.

    Attributes:
        names: the words, most frequent first.
        captions: of each word the rows of the captions that hold it.
        places: of each word its first place among the words of each of these captions.
    """

    names: list[str]
    captions: list[NDArray[np.int64]]
    places: list[NDArray[np.int64]]


def find(captions: pa.Table, n_words: int) -> ObjectWords:
    """The most frequent nouns; of equally frequent ones the first in the alphabet.

    Args:
        captions: schemas.CAPTIONS.
        n_words: how many.

    Raises:
        CirqueError: there are fewer.
    """
    counts: Counter[str] = Counter()
    found: dict[str, list[tuple[int, int]]] = {}
    row = 0
    for batch in captions.select(["words", "pos"]).to_batches(max_chunksize=CAPTIONS_AT_ONCE):
        for words, pos in zip(batch["words"].to_pylist(), batch["pos"].to_pylist(), strict=True):
            nouns = [place for place, tag in enumerate(pos) if tag in NOUN_POS]
            counts.update(words[place] for place in nouns)
            for word, place in {words[place]: place for place in reversed(nouns)}.items():
                found.setdefault(word, []).append((row, place))
            row += 1
    if n_words > len(counts):
        raise CirqueError(
            f"n_words is {n_words:,}, but the {row:,} captions that have an image hold only {len(counts):,} different"
            " nouns; lower n_words, or raise n_pairs"
        )
    names = sorted(counts, key=lambda word: (-counts[word], word))[:n_words]
    places = [np.array(found[name], dtype=np.int64) for name in names]
    return ObjectWords(names, [pairs[:, 0] for pairs in places], [pairs[:, 1] for pairs in places])


def sentence_about(caption: str, words: Sequence[str], place: int, name: str) -> str:
    """A caption in which a name stands for the word at a place."""
    return replace_spans(caption, words, [range(place, place + 1)]).replace(MASK, name)


def nearest_words(names: Sequence[str], words: Sequence[str], backbone: Backbone) -> NDArray[np.int64]:
    """The word nearest to each name, by the distance of the un-normalised features of `PROMPT`; of equals the first.

    Args:
        names: of the concept vocabulary.
        words: the object words.
        backbone: whose text tower compares them.

    Returns:
        Numbers of words [n_names].
    """
    with torch.no_grad():
        among = text.encode(backbone, [PROMPT.format(word) for word in words]).float()
        named = text.encode(backbone, [PROMPT.format(name) for name in names]).float()
        nearest: NDArray[np.int64] = torch.cdist(named, among).argmin(dim=1).cpu().numpy()
    return nearest


def names_of_words(names: Sequence[str], words: Sequence[str], backbone: Backbone) -> list[list[str]]:
    """The names of the vocabulary that are nearest to each word; a word that no name is nearest to keeps its own."""
    own: list[list[str]] = [[] for _ in words]
    for name, word in zip(names, nearest_words(names, words, backbone), strict=True):
        own[word].append(name)
    return [found or [word] for found, word in zip(own, words, strict=True)]
