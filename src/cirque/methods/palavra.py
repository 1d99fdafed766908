"""PALAVRA: the reference's nearest concept and token in `a photo of {concept} $ that {caption}` (SEARLE §5)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.texts.templates import PROMPT

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(
    queries: Queries, backbone: "Backbone", tokens: np.ndarray, reference_concepts: Sequence[str]
) -> np.ndarray:
    """Normalised text features [n_queries, dim]."""
    return text_queries.encode(queries, backbone, PROMPT, tokens, concepts=reference_concepts)
