"""SEARLE: φ maps the reference's image feature to the token in `a photo of $ that {caption}` (SEARLE §3.2)."""

import numpy as np

from cirque.methods import Inputs, text_queries
from cirque.texts.templates import PROMPT


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features [n_queries, dim].

    Raises:
        CirqueError: φ is for features of another dimension, or its tokens are for another backbone.
    """
    return text_queries.compose_with_phi(inputs, PROMPT)
