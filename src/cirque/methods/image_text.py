"""Image + Text: the sum of the reference's and the relative caption's normalised features (SEARLE §5, baselines)."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.methods import normalise

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(queries: Queries, backbone: "Backbone", reference_features: np.ndarray) -> np.ndarray:
    """Normalised sums [n_queries, dim]."""
    words = text_queries.encode(queries, backbone, queries.text_prompt)
    return normalise(normalise(reference_features) + words)
