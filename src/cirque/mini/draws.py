"""Random draws that belong to an item: the same seed and name give the same draws on every machine and worker."""

import hashlib
import random


def draws(seed: int, *item: object) -> random.Random:
    """A stream of draws for one item, for example `draws(0, "unlabeled", 17)`.

    Python's own `hash` differs from process to process, so that the stream is seeded by SHA-256.
    """
    name = "/".join(str(part) for part in (seed, *item))
    return random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def chance(rng: random.Random, probability: float) -> bool:
    """True with the given probability."""
    return rng.random() < probability
