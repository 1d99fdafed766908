"""Random draws that belong to the item, not to the batch: a generator for each (seed, purpose, item, …).

    draws.generator(42, "oti token", "ILSVRC2012_test_00000001.JPEG").normal(0, 0.02, 512)

Philox is counter-based: its 128-bit key alone decides the stream, so that shards, batches, order and resuming after a
kill change no draw.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

#: A name as JSON has it: what `json.dumps` does, without the search for how it is to be done.
_quoted = json.JSONEncoder().encode


def _key(seed: int, parts: tuple[str | int, ...]) -> int:
    """128 bits of a seed and names; JSON keeps ("ab", "c") apart from ("a", "bc")."""
    return int.from_bytes(hashlib.sha256(json.dumps([seed, *parts]).encode()).digest()[:16], "little")


def generator(seed: int, *parts: str | int) -> np.random.Generator:
    """The stream of one item.

    Args:
        seed: of the run.
        parts: what is drawn and for whom, such as a purpose, an image id and a step.
    """
    return np.random.Generator(np.random.Philox(key=_key(seed, parts)))


def each(seed: int, purpose: str, items: Iterable[str], *parts: str | int) -> Iterator[np.random.Generator]:
    """The streams of many items in turn, as `generator(seed, purpose, item, *parts)` gives them one by one.

    It is one generator that is set to the next stream, as making one takes ten times as long: draw from it before the
    next is asked for.
    """
    bits = np.random.Philox(key=0)
    stream = np.random.Generator(bits)
    of_item: dict[str, Any] = {"counter": [0] * 4}
    state: Any = {**bits.state, "buffer": [0] * 4, "state": of_item}  # lists, which are taken over faster than arrays
    for of_item["key"] in _keys(seed, purpose, items, parts):
        bits.state = state
        yield stream


def _keys(seed: int, purpose: str, items: Iterable[str], parts: tuple[str | int, ...]) -> list[list[int]]:
    """The halves of each item's `_key`, the lower one first."""
    before = json.dumps([seed, purpose])[:-1]
    after = json.dumps(["", *parts])[len('[""') :]
    texts = [f"{before}, {_quoted(item)}{after}" for item in items]
    digests = b"".join([hashlib.sha256(text.encode()).digest()[:16] for text in texts])
    halves: list[list[int]] = np.frombuffer(digests, dtype="<u8").reshape(-1, 2).tolist()
    return halves


def seed_of(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2⁶³) for a library that has generators of its own, such as torch."""
    return _key(seed, parts) & (2**63 - 1)
