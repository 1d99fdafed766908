"""SEARLE: φ maps the reference's image feature to the token in `a photo of $ that {caption}` (SEARLE §3.2)."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.texts.templates import PROMPT

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.phi import Phi


def compose(queries: Queries, backbone: "Backbone", reference_features: np.ndarray, phi: "Phi") -> np.ndarray:
    """Normalised text features [n_queries, dim].

    Raises:
        CirqueError: φ is for features of another dimension, or its tokens are for another backbone.
    """
    return text_queries.compose_with_phi(queries, backbone, reference_features, phi, PROMPT)
