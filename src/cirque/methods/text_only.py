"""Text-only: the query is the text feature of the relative caption, without a prompt (SEARLE §5, baselines)."""

import numpy as np

from cirque.methods import Inputs, text_queries


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features of the relative captions [n_queries, dim]."""
    return text_queries.encode(inputs, inputs.text_prompt)
