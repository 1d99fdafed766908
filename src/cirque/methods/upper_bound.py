"""Upper bound: the query is the text feature of the target's own full caption, which no method may know."""

from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text_queries
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(queries: Queries, backbone: "Backbone") -> np.ndarray:
    """Normalised text features of the full captions [n_queries, dim].

    Raises:
        CirqueError: a query has no full caption.
    """
    captions = queries.full_captions
    without = [query for query, caption in zip(queries.query_ids, captions, strict=True) if caption is None]
    if without:
        raise CirqueError(
            f"upper-bound: {len(without)} queries have no full caption (first: {without[0]}); only generated data"
            " have them, so take upper-bound out of run.methods"
        )
    return text_queries.encode_texts(queries, backbone, [[caption or ""] for caption in captions])
