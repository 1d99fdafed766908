"""Image + Text: the sum of the reference's and the relative caption's normalised features (SEARLE §5, baselines)."""

import numpy as np

from cirque.methods import Inputs, normalise, text_queries


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised sums [n_queries, dim]."""
    return normalise(normalise(inputs.reference_features) + text_queries.encode(inputs, inputs.text_prompt))
