"""The modality gap: how far images and their captions lie apart in CLIP's space (LinCIR Table 1; Liang et al. 2022).

    differences = pair_differences(images, captions, noise)  # [n, dim]
    gap(differences)

The gap is the distance between the centroids of normalised features, ‖mean(x/‖x‖) − mean((y+n)/‖y+n‖)‖₂, of image
features x and caption features y with noise n, both as they come out of the towers. LinCIR prints no formula; this is
the reading of spec lincir §5. A difference of means is a mean of differences, so that pairs can be resampled whole;
which caption is paired with which image does not enter the figure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cirque.errors import CirqueError, listed
from cirque.evaluation import bootstrap
from cirque.training.noise import draw_noise

#: Each noise (`noise.NOISES`) as LinCIR's Tables 1 and 9 print it, in their order.
PRINTED_AS = {
    "none": "No noise",
    "student-t": "Student-t",
    "exponential": "Exponential",
    "chi2": "Chi-square",
    "normal": "N(0,1)",
    "uniform": "Unif(-1,1)",
    "lincir": "N(0,1)xUnif(0,1) (ours)",
}


def noisy(captions: NDArray[np.float32], noise: str, seed: int, caption_ids: Sequence[str]) -> NDArray[np.float32]:
    """Caption features [n, dim] with the noise that a training with this seed adds in its first pass."""
    return captions + draw_noise(noise, seed, caption_ids, 0, captions.shape[1])


def pair_differences(
    images: NDArray[np.float32], captions: NDArray[np.float32], caption_ids: Sequence[str]
) -> NDArray[np.float64]:
    """Normalised image feature minus normalised caption feature of each pair.

    Args:
        images: image features [n, dim], un-normalised.
        captions: caption features [n, dim], un-normalised, with their noise.
        caption_ids: whose, for messages.

    Raises:
        CirqueError: there is no pair, shapes differ, or a feature is zero or not finite.
    """
    if images.shape != captions.shape or len(images) != len(caption_ids) or not len(images):
        raise CirqueError(
            f"modality gap: image features {list(images.shape)} and caption features {list(captions.shape)} of"
            f" {len(caption_ids)} captions are no pairs; give at least one, of one backbone"
        )
    lengths = [np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True) for features in (images, captions)]
    has_direction = [np.isfinite(length) & (length > 0) for length in lengths]
    broken = np.flatnonzero(~(has_direction[0] & has_direction[1])).tolist()
    if broken:
        names = listed([caption_ids[row] for row in broken])
        raise CirqueError(f"modality gap: a feature of the pairs {names} is zero or not finite; make the features anew")
    difference: NDArray[np.float64] = images / lengths[0] - captions / lengths[1]
    return difference


def gap(differences: NDArray[np.float64]) -> float:
    """Distance between the centroids of both modalities, from 0 to 2."""
    return float(np.linalg.norm(differences.mean(axis=0)))


def interval(differences: NDArray[np.float64], resamples: int, seed: int, level: float) -> tuple[float, float]:
    """Percentile interval of the gap by bootstrap over pairs (as of cirque.evaluation.bootstrap)."""
    means = bootstrap.resampled_means(differences, resamples, seed)
    low, high = bootstrap.ends(np.linalg.norm(means, axis=1)[:, None], level)
    return float(low[0]), float(high[0])
