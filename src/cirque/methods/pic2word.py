"""Pic2Word: φ maps the reference's image feature to the token in `a photo of $ , {caption}` (pic2word.md §3)."""

import numpy as np

from cirque.methods import Inputs, text_queries

#: The release writes * for the token. The space before the comma is part of it: without, `$,` is another token.
PROMPT = "a photo of $ , {caption}"


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features [n_queries, dim].

    Raises:
        CirqueError: φ is for features of another dimension, or its tokens are for another backbone.
    """
    return text_queries.compose_with_phi(inputs, PROMPT, text_queries.last_first)
