"""Image-only: the query is the reference image's own feature (SEARLE §5, baselines)."""

import numpy as np

from cirque.methods import normalise


def compose(reference_features: np.ndarray) -> np.ndarray:
    """Normalised features of the references [n_queries, dim]."""
    return normalise(reference_features)
