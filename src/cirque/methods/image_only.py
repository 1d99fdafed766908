"""Image-only: the query is the reference image's own feature (SEARLE §5, baselines)."""

import numpy as np

from cirque.methods import Inputs, normalise


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised features of the references [n_queries, dim]."""
    return normalise(inputs.reference_features)
