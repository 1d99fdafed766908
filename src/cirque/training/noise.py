"""Noises on features: LinCIR's, and those that it is compared with (LinCIR Tables 1 and 9)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cirque import draws

#: Noise of one sample, [dim]: LinCIR Tables 1 and 9. The paper gives no rates and degrees of freedom; ours are Exp(1),
#: χ²(1) and t(3). Values are independent but for `lincir`, whose Gaussian vector has one uniform factor.
NOISES: dict[str, Callable[[np.random.Generator, int], NDArray[np.floating[Any]]]] = {
    "none": lambda rng, dim: np.zeros(dim),
    "normal": lambda rng, dim: rng.standard_normal(dim),
    "uniform": lambda rng, dim: rng.uniform(-1.0, 1.0, dim),
    "exponential": lambda rng, dim: rng.standard_exponential(dim),
    "chi2": lambda rng, dim: rng.chisquare(1.0, dim),
    "student-t": lambda rng, dim: rng.standard_t(3.0, dim),
    "lincir": lambda rng, dim: rng.uniform() * rng.standard_normal(dim),
}


def draw_noise(name: str, seed: int, caption_ids: Sequence[str], epoch: int, dim: int) -> NDArray[np.float32]:
    """Noise of each caption in a pass, [n, dim]; it belongs to (seed, caption, pass), whatever the batch.

    Args:
        name: of NOISES.
        seed: of the run.
        caption_ids: whose noise.
        epoch: number of the pass.
        dim: of the features.
    """
    noise = np.zeros((len(caption_ids), dim), dtype=np.float32)
    if name != "none":
        for row, rng in enumerate(draws.each(seed, "lincir noise", caption_ids, epoch)):
            noise[row] = NOISES[name](rng, dim)
    return noise
