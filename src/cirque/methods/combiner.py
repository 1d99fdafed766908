"""Combiner: a network taught by triplets joins the features of reference and relative caption (CLIP4Cir)."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.combiner import Combiner


def compose(queries: Queries, backbone: "Backbone", reference_features: np.ndarray, combiner: "Combiner") -> np.ndarray:
    """Normalised combined features [n_queries, dim]; both features are read as the towers give them.

    Raises:
        CirqueError: the Combiner is for features of another dimension.
    """
    if not reference_features.shape[1] == backbone.dim == combiner.dim:
        raise CirqueError(
            f"image features have {reference_features.shape[1]} dimensions, the backbone {backbone.name} has"
            f" {backbone.dim} and the Combiner reads {combiner.dim}: they are of different backbones"
        )
    device = next(combiner.parameters()).device
    words = text_queries.encode_words(queries, backbone, text_queries.first_first)
    with torch.no_grad():
        found: np.ndarray = combiner(torch.from_numpy(reference_features).to(device), words.to(device)).cpu().numpy()
    return found
