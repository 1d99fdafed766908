"""Words and their numbers, as released; the paper does not say how texts are cut into words (TIRG §3).

    vocabulary = Vocabulary.of(training_texts)
    ids, lengths = vocabulary.encode(["make bottom-right circle red"])
    Vocabulary(vocabulary.words)  # the same, of a side-car

A network is of use only with the numbers that it was trained with: they lie beside its weights.
"""

import string
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from cirque.errors import CirqueError, listed

#: What 0 stands for; no text holds it, as < and > are deleted. Padding is 0 too.
UNKNOWN = "<UNK>"

_PUNCTUATION = str.maketrans("", "", string.punctuation)


def tokens(text: str) -> list[str]:
    """The words of a text: only ASCII, lower case, without punctuation, so that `bottom-right` is `bottomright`."""
    return text.encode("ascii", "ignore").decode("ascii").lower().translate(_PUNCTUATION).split()


class Vocabulary:
    """Words with the ids 1, 2, …; every other word has the id 0.

    Attributes:
        words: in the order of their ids, without `<UNK>`.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: place for place, word in enumerate(self.words, start=1)}
        if len(self._ids) < len(self.words):
            twice = sorted(word for word in self._ids if self.words.count(word) > 1)
            raise CirqueError(f"vocabulary: {listed(twice)} stands twice, so that ids are not clear")

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Vocabulary":
        """All words of some texts, however rare, in alphabetical order."""
        return cls(sorted({word for text in texts for word in tokens(text)}))

    def __len__(self) -> int:
        """Number of ids: the words and `<UNK>`."""
        return len(self.words) + 1

    def encode(self, texts: Sequence[str], *, blank_is_unknown: bool = False) -> tuple[Tensor, Tensor]:
        """Ids of words.

        Args:
            texts: n texts.
            blank_is_unknown: whether a text without a word counts as one unknown word.

        Returns:
            Ids, int64 [n, longest], padded with 0, and the number of words of each text, int64 [n].

        Raises:
            CirqueError: nothing is left of a text without its punctuation. The released network reads for it the state
                after the padding of the longest text of the batch.
        """
        ids = [[self._ids.get(word, 0) for word in tokens(text)] for text in texts]
        if blank_is_unknown:
            ids = [words or [0] for words in ids]
        empty = [repr(text) for text, words in zip(texts, ids, strict=True) if not words]
        if empty:
            raise CirqueError(
                f"{len(empty)} of {len(texts)} texts without a word in ASCII letters or digits (first:"
                f" {listed(empty)}); a composition needs at least one"
            )
        lengths = [len(words) for words in ids]
        longest = max(lengths, default=0)
        padded = [words + [0] * (longest - len(words)) for words in ids]
        return torch.tensor(padded, dtype=torch.int64).view(len(ids), longest), torch.tensor(lengths, dtype=torch.int64)
