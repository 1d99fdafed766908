"""How texts are laid out for the packed encoder: without padding, and in buckets for attention.

    texts = Texts.of(TokenIds.of(ids), prefixes=[(49406,), (49406, 320, 1125, 539)], device=torch.device("cpu"))
    layout = texts.pack(chosen=np.array([0, 3]), owners=np.array([0, 0]))

All of it is index arithmetic in numpy: a batch of a thousand texts is laid out in a few milliseconds, and goes to the
device in one copy.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque.encoders import text
from cirque.encoders.moving import moved
from cirque.encoders.token_ids import TokenIds

#: Lengths to which attention pads the texts of a bucket on a processor, where padding costs more than another bucket.
BUCKETS = (2, 4, 8, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256)

#: Buckets of a batch elsewhere: each is a dozen kernels more in each block, and a step waits for their launches.
MOST_BUCKETS = 3


def launches_cost(device: torch.device) -> bool:
    """Whether a step on a device takes as long as the host needs to launch its kernels, rather than to compute them."""
    return device.type != "cpu"


@dataclass(frozen=True)
class Bucket:
    """Texts of like length, padded together for attention. n texts, length L, prefix length P."""

    rows: slice  # of the packed matrix
    padded: Tensor  # [n·L] packed row at each padded place (row 0 where there is none)
    places: Tensor  # [rows] padded place of each packed row of the bucket
    sources: Tensor  # [n, P + L] where each key stands: a packed row; after all rows, zeros; after these, the prefixes
    texts: Tensor  # [rows] text of each packed row of the bucket
    prefixes: Tensor  # [n] number of each text's prefix
    lasts: Tensor  # [n] place of the end token within the text's rows
    beside: Tensor  # [n or 1, 1, 1, P] −∞ where a text's prefix is shorter
    after: Tensor  # [1, 1, L, L] −∞ at the positions after a row
    length: int
    prefix_length: int

    def bias(self) -> Tensor:
        """What is added to the scores, [n or 1, 1, L, P + L]: 0 where a row may look, else −∞."""
        n, length = len(self.beside), self.length
        return torch.cat([self.beside.expand(n, 1, length, -1), self.after.expand(n, 1, length, length)], dim=-1)


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
    longest_prefix: int  # of those that are known
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
        return cls(ids.ids, ids.starts, found, sizes[found], int(sizes.max()), device)

    def pack(
        self,
        chosen: NDArray[np.int64] | None = None,
        owners: NDArray[np.int64] | None = None,
        replace: text.Replace = "first",
    ) -> Layout:
        """A layout on the device; arguments as of `laid_out`."""
        return moved(self.laid_out(chosen, owners, replace), self.device)

    def laid_out(
        self,
        chosen: NDArray[np.int64] | None = None,
        owners: NDArray[np.int64] | None = None,
        replace: text.Replace = "first",
    ) -> Layout:
        """Lay texts out for the encoder, in the host's memory: with what else a batch has it is moved at once.

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
            torch.from_numpy(ids),
            torch.from_numpy(skipped[texts] + within),
            torch.from_numpy(slots),
            torch.from_numpy(owners[texts[slots]]),
            torch.from_numpy(ends - 1),
            torch.from_numpy(np.argsort(order, kind="stable")),
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
        which = np.searchsorted(few_lengths(lengths) if launches_cost(self.device) else BUCKETS, lengths)
        edges = [0, *(np.flatnonzero(np.diff(which)) + 1).tolist(), len(lengths)]
        buckets = []
        for first, last in itertools.pairwise(edges):
            n, longest = last - first, int(lengths[last - 1])
            begin, end = int(ends[first] - lengths[first]), int(ends[last - 1])
            texts = np.repeat(np.arange(n), lengths[first:last])
            places = texts * longest + within[begin:end]
            padded, own = np.zeros(n * longest, dtype=np.int64), np.full(n * longest, len(within), dtype=np.int64)
            padded[places] = own[places] = np.arange(begin, end)
            beside, after = _hidden(prefix_lengths[first:last], longest)
            before = len(within) + 1 + self.longest_prefix * prefixes[first:last, None] + np.arange(beside.shape[-1])
            sources = np.concatenate([before, own.reshape(n, longest)], axis=1)
            buckets.append(
                Bucket(
                    slice(begin, end),
                    torch.from_numpy(padded),
                    torch.from_numpy(places),
                    torch.from_numpy(sources),
                    torch.from_numpy(texts),
                    torch.from_numpy(prefixes[first:last]),
                    torch.from_numpy(lengths[first:last] - 1),
                    torch.from_numpy(beside),
                    torch.from_numpy(after),
                    longest,
                    beside.shape[-1],
                )
            )
        return buckets


def few_lengths(lengths: NDArray[np.int64], most: int = MOST_BUCKETS) -> NDArray[np.int64]:
    """Lengths to pad texts to, `most` at most, with which attention computes the fewest scores: Σ n·L² is least.

    Args:
        lengths: of the texts, ascending.
        most: how many.
    """
    found, counts = np.unique(lengths, return_counts=True)
    upto = np.concatenate([[0], np.cumsum(counts)])
    scores = (upto[None, 1:] - upto[:-1, None]) * found**2  # of one bucket with the lengths from i to j
    scores = np.where(np.triu(np.ones_like(scores)) > 0, scores.astype(float), np.inf)
    best, firsts = scores[0], []
    for _ in range(min(most, len(found)) - 1):
        both = np.concatenate([[0.0], best[:-1]])[:, None] + scores
        firsts.append(both.argmin(axis=0))
        best = both.min(axis=0)
    chosen, last = [], len(found) - 1
    for first in [*reversed(firsts), np.zeros(len(found), dtype=np.int64)]:
        if last >= 0:
            chosen.append(last)
            last = int(first[last]) - 1
    return found[chosen[::-1]]


def _hidden(prefix_lengths: NDArray[np.int64], longest: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`beside` and `after` of a bucket."""
    most = int(prefix_lengths.max())
    lengths = prefix_lengths if (prefix_lengths != most).any() else prefix_lengths[:1]
    beside = np.where(np.arange(most) < lengths[:, None, None, None], 0, -np.inf).astype(np.float32)
    return beside, np.triu(np.full((1, 1, longest, longest), -np.inf, dtype=np.float32), 1)
