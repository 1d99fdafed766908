"""SEARLE: φ maps the reference's image feature to the token in `a photo of $ that {caption}` (SEARLE §3.2)."""

import numpy as np
import torch

from cirque import text_queries
from cirque.errors import CirqueError
from cirque.methods import Inputs
from cirque.templates import PROMPT


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features [n_queries, dim].

    Raises:
        CirqueError: φ is for features of another dimension.
    """
    features = torch.from_numpy(inputs.reference_features)
    if features.shape[1] != inputs.phi.dim:
        raise CirqueError(
            f"searle: image features have {features.shape[1]} dimensions and φ reads {inputs.phi.dim}: they are of"
            " different backbones"
        )
    device = next(inputs.phi.parameters()).device
    with torch.no_grad():
        tokens = inputs.phi(features.to(device)).cpu().numpy()  # φ reads features as the tower gives them
    return text_queries.encode(inputs, PROMPT, tokens)
