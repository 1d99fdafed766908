"""Noises on features: LinCIR's, and those that it is compared with (LinCIR Tables 1 and 9)."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cirque import draws

#: Puts the noise of one sample into a row [dim]: LinCIR Tables 1 and 9. The paper gives no rates and degrees of
#: freedom; ours are Exp(1), χ²(1) and t(3). Values are independent but for `lincir`, whose Gaussian vector has one
#: uniform factor.
NOISES: dict[str, Callable[[np.random.Generator, NDArray[np.float64]], object]] = {
    "none": lambda rng, out: out.fill(0.0),
    "normal": lambda rng, out: rng.standard_normal(out=out),
    "uniform": lambda rng, out: np.copyto(out, rng.uniform(-1.0, 1.0, len(out))),
    "exponential": lambda rng, out: rng.standard_exponential(out=out),
    "chi2": lambda rng, out: np.copyto(out, rng.chisquare(1.0, len(out))),
    "student-t": lambda rng, out: np.copyto(out, rng.standard_t(3.0, len(out))),
    "lincir": lambda rng, out: np.multiply(rng.random(), rng.standard_normal(out=out), out=out),
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
    noise = np.zeros((len(caption_ids), dim))
    if name != "none":
        for row, rng in zip(noise, draws.each(seed, "lincir noise", caption_ids, epoch), strict=True):
            NOISES[name](rng, row)
    return noise.astype(np.float32)
