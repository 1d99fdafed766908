"""SEARLE-OTI: the reference's inverted token in `a photo of $ that {caption}` (SEARLE §3.1)."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.texts.templates import PROMPT

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(queries: Queries, backbone: "Backbone", tokens: np.ndarray) -> np.ndarray:
    """Normalised text features [n_queries, dim]."""
    return text_queries.encode(queries, backbone, PROMPT, tokens)
