"""Random draws that belong to the item, not to the batch: a generator for each (seed, purpose, item, …).

    draws.generator(42, "oti token", "ILSVRC2012_test_00000001.JPEG").normal(0, 0.02, 512)

Philox is counter-based: its 128-bit key alone decides the stream, so that shards, batches, order and resuming after a
kill change no draw.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator

import numpy as np


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
    stream, start = np.random.Generator(bits), bits.state
    for item in items:
        key = _key(seed, (purpose, item, *parts))
        halves = np.array([key & (2**64 - 1), key >> 64], dtype=np.uint64)
        bits.state = {**start, "state": {"counter": start["state"]["counter"], "key": halves}}
        yield stream


def seed_of(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2⁶³) for a library that has generators of its own, such as torch."""
    return _key(seed, parts) & (2**63 - 1)
