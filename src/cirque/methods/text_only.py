"""Text-only: the query is the text feature of the relative caption, without a prompt (SEARLE §5, baselines)."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(queries: Queries, backbone: "Backbone") -> np.ndarray:
    """Normalised text features of the relative captions [n_queries, dim]."""
    return text_queries.encode(queries, backbone, queries.text_prompt)
