"""Queries with known targets on which a network φ is judged in the middle of its training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cirque.encoders import text_queries
from cirque.encoders.backbones import Backbone
from cirque.encoders.features import load_features
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError, listed
from cirque.evaluation import ranking
from cirque.networks import phi
from cirque.store import files, schemas
from cirque.texts.templates import PROMPT


@dataclass(frozen=True)
class Validation:
    """Queries with known targets on which a network is judged; LinCIR takes CIRR's val, which is then not held out.

    Attributes:
        queries: rows of schemas.QUERIES.
        asked: the same queries as methods read them.
        backbone: whose text tower reads them.
        reference_features: of their references [n, dim], un-normalised.
        gallery: candidates.
    """

    queries: Sequence[dict[str, Any]]
    asked: Queries
    backbone: Backbone
    reference_features: NDArray[np.float32]
    gallery: ranking.Gallery

    def __post_init__(self) -> None:
        """Refuse queries that nothing can be measured on."""
        hidden = [query["query_id"] for query in self.queries if not query["target_ids"]]
        if hidden or not self.queries:
            raise CirqueError(
                f"validation: {len(hidden)} of {len(self.queries)} queries have no target ({listed(hidden)}); give a"
                " split whose answers are public"
            )

    def recall(self, network: phi.Phi) -> float:
        """R@1 in percent by CIRR's protocol: the reference is no candidate."""
        features = text_queries.compose_with_phi(self.asked, self.backbone, self.reference_features, network, PROMPT)
        features = ranking.normalise(features, self.asked.query_ids)
        rows = ranking.rank(self.queries, features, self.gallery, remove_reference=True)
        return 100 * float(np.mean([min(row["target_ranks"]) == 1 for row in rows]))


def read(queries: Path, gallery: Path, features: Sequence[Path], backbone: Backbone) -> Validation:
    """Validation queries with the features of their references, and the gallery.

    Args:
        queries: queries.parquet of a benchmark with public answers.
        gallery: gallery.parquet of the same benchmark.
        features: feature files of the image set that holds gallery and references, by the same backbone.
        backbone: whose text tower reads the queries.
    """
    rows = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    references = load_features(features, [row["reference_id"] for row in rows])[1]
    candidates = files.read_table(gallery, ["image_id", "group"])
    ids = candidates["image_id"].to_pylist()
    asked = Queries([row["query_id"] for row in rows], [row["captions"] for row in rows], [None] * len(rows))
    groups = [group or "" for group in candidates["group"].to_pylist()]
    compared = ranking.normalise(load_features(features, ids)[1], ids)
    return Validation(rows, asked, backbone, references, ranking.Gallery(ids, compared, groups))
