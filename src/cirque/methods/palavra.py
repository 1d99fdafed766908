"""PALAVRA: the reference's nearest concept and token in `a photo of {concept} $ that {caption}` (SEARLE §5)."""

import numpy as np

from cirque.methods import Inputs, text_queries
from cirque.texts.templates import PROMPT


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features [n_queries, dim]."""
    return text_queries.encode(inputs, PROMPT, inputs.tokens, concepts=inputs.reference_concepts)
