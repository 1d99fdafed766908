"""Upper bound: the query is the text feature of the target's own full caption, which no method may know."""

import numpy as np

from cirque.errors import CirqueError
from cirque.methods import Inputs, text_queries


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised text features of the full captions [n_queries, dim].

    Raises:
        CirqueError: a query has no full caption.
    """
    captions = inputs.full_captions
    without = [query for query, caption in zip(inputs.query_ids, captions, strict=True) if caption is None]
    if without:
        raise CirqueError(
            f"upper-bound: {len(without)} queries have no full caption (first: {without[0]}); only generated data"
            " have them, so take upper-bound out of run.methods"
        )
    return text_queries.encode_texts(inputs, [[caption or ""] for caption in captions])
