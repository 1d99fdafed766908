"""Pic2Word: φ maps the reference's image feature to the token in `a photo of $ , {caption}` (pic2word.md §3)."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.phi import Phi

#: The release writes * for the token. The space before the comma is part of it: without, `$,` is another token.
PROMPT = "a photo of $ , {caption}"


def compose(queries: Queries, backbone: "Backbone", reference_features: np.ndarray, phi: "Phi") -> np.ndarray:
    """Normalised text features [n_queries, dim].

    Raises:
        CirqueError: φ is for features of another dimension, or its tokens are for another backbone.
    """
    return text_queries.compose_with_phi(
        queries, backbone, reference_features, phi, PROMPT, orders=text_queries.last_first
    )
