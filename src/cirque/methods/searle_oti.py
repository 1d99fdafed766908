"""SEARLE-OTI: the reference's inverted token in `a photo of $ that {caption}` (SEARLE §3.1)."""

import numpy as np

from cirque.methods import Inputs, text_queries
from cirque.texts.templates import PROMPT


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features [n_queries, dim]."""
    return text_queries.encode(inputs, PROMPT, inputs.tokens)
