"""How texts are laid out for the packed encoder: without padding, and in buckets for attention.

    texts = Texts.of(TokenIds.of(ids), prefixes=[(49406,), (49406, 320, 1125, 539)], device=torch.device("cpu"))
    layout = texts.pack(chosen=np.array([0, 3]), owners=np.array([0, 0]))

All of it is index arithmetic in numpy: a batch of a thousand texts is laid out in a few milliseconds.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque.encoders import text
from cirque.encoders.token_ids import TokenIds

#: Lengths to which attention pads the texts of a bucket.
BUCKETS = (2, 4, 8, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True)
class Bucket:
    """Texts of like length, padded together for attention. n texts, length L, prefix length P."""

    rows: slice  # of the packed matrix
    padded: Tensor  # [n·L] packed row at each padded place (row 0 where there is none)
    places: Tensor  # [rows] padded place of each packed row of the bucket
    prefixes: Tensor  # [n] number of each text's prefix
    lasts: Tensor  # [n] place of the end token within the text's rows
    bias: Tensor  # [n or 1, 1, L, P + L] −∞ where a row may not look
    length: int
    prefix_length: int


@dataclass(frozen=True)
class Layout:
    """A packed batch: the rows after each text's prefix, text after text, from short to long."""

    ids: Tensor  # [rows]
    positions: Tensor  # [rows]
    slots: Tensor  # rows that take a pseudo token
    owners: Tensor  # pseudo token of each slot
    ends: Tensor  # [n_texts] row of the end token, texts in the buckets' order
    order: Tensor  # [n_texts] place in the buckets' order of each text as given
    buckets: list[Bucket]


@dataclass(frozen=True)
class Texts:
    """Tokenised texts, ready to be packed any number of times."""

    ids: NDArray[np.int32]  # of all texts, one after the other
    starts: NDArray[np.int64]  # [n_texts + 1]
    prefixes: NDArray[np.int64]  # [n_texts] number of the prefix
    prefix_lengths: NDArray[np.int64]  # [n_texts]
    device: torch.device

    @classmethod
    def of(cls, ids: TokenIds, prefixes: Sequence[tuple[int, ...]], device: torch.device) -> "Texts":
        """Find the longest known prefix of each text.

        Args:
            ids: of the texts.
            prefixes: ids of known beginnings; the start token alone is one of them.
            device: where the layouts are needed.
        """
        sizes = np.array([len(prefix) for prefix in prefixes], dtype=np.int64)
        heads, found = ids.heads(int(sizes.max())), np.zeros(len(ids), dtype=np.int64)
        for number in np.argsort(sizes, kind="stable"):  # a longer one comes later, and wins
            found[(heads[:, : sizes[number]] == np.array(prefixes[number])).all(1)] = number
        return cls(ids.ids, ids.starts, found, sizes[found], device)

    def pack(
        self,
        chosen: NDArray[np.int64] | None = None,
        owners: NDArray[np.int64] | None = None,
        replace: text.Replace = "first",
    ) -> Layout:
        """Lay texts out for the encoder.

        Args:
            chosen: numbers of the texts, repeats allowed; None: all in order.
            owners: number of each one's pseudo token; None: as many tokens as texts, in order.
            replace: which placeholders take the token.
        """
        chosen = np.arange(len(self.prefixes)) if chosen is None else chosen
        owners = np.arange(len(chosen)) if owners is None else owners
        skipped = self.prefix_lengths[chosen]
        lengths = self.starts[chosen + 1] - self.starts[chosen] - skipped
        order = np.argsort(lengths, kind="stable")
        chosen, owners, skipped, lengths = chosen[order], owners[order], skipped[order], lengths[order]
        ends = np.cumsum(lengths)
        texts = np.repeat(np.arange(len(chosen)), lengths)  # text of each row
        within = np.arange(len(texts)) - np.repeat(ends - lengths, lengths)  # place of each row after the prefix
        ids = self.ids[self.starts[chosen][texts] + skipped[texts] + within].astype(np.int64)
        slots = np.flatnonzero(ids == text.PLACEHOLDER_ID)
        if replace == "first":
            slots = slots[np.unique(texts[slots], return_index=True)[1]]
        return Layout(
            self._tensor(ids),
            self._tensor(skipped[texts] + within),
            self._tensor(slots),
            self._tensor(owners[texts[slots]]),
            self._tensor(ends - 1),
            self._tensor(np.argsort(order, kind="stable")),
            self._buckets(lengths, ends, self.prefixes[chosen], skipped, within),
        )

    def _buckets(
        self,
        lengths: NDArray[np.int64],
        ends: NDArray[np.int64],
        prefixes: NDArray[np.int64],
        prefix_lengths: NDArray[np.int64],
        within: NDArray[np.int64],
    ) -> list[Bucket]:
        """Cut the sorted texts into buckets."""
        which = np.searchsorted(BUCKETS, lengths)
        edges = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(lengths)]
        buckets = []
        for first, last in itertools.pairwise(edges):
            n, longest = last - first, int(lengths[last - 1])
            begin, end = int(ends[first] - lengths[first]), int(ends[last - 1])
            places = np.repeat(np.arange(n), lengths[first:last]) * longest + within[begin:end]
            padded = np.zeros(n * longest, dtype=np.int64)
            padded[places] = np.arange(begin, end)
            bias = self._bias(prefix_lengths[first:last], longest)
            buckets.append(
                Bucket(
                    slice(begin, end),
                    self._tensor(padded),
                    self._tensor(places),
                    self._tensor(prefixes[first:last]),
                    self._tensor(lengths[first:last] - 1),
                    bias,
                    longest,
                    bias.shape[-1] - longest,
                )
            )
        return buckets

    def _bias(self, prefix_lengths: NDArray[np.int64], longest: int) -> Tensor:
        """What is added to the scores: 0 where a row may look, −∞ after it and beside a shorter prefix."""
        most = int(prefix_lengths.max())
        lengths = prefix_lengths if (prefix_lengths != most).any() else prefix_lengths[:1]
        bias = np.zeros((len(lengths), 1, longest, most + longest), dtype=np.float32)
        bias[:, :, :, :most] = np.where(np.arange(most) < lengths[:, None, None, None], 0, -np.inf)
        bias[:, :, :, most:] += np.triu(np.full((longest, longest), -np.inf, dtype=np.float32), 1)
        return self._tensor(bias)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)
