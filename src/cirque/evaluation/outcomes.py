"""What a run leaves behind, whoever composed its queries: features, ranking, metrics, files for a test server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cirque import submissions
from cirque.evaluation import ranking
from cirque.evaluation.measures import Resampling, measure
from cirque.evaluation.metrics import has_answers
from cirque.evaluation.protocol import Protocol
from cirque.plan.paths import KINDS
from cirque.progress import say
from cirque.store import files, schemas, vectors


@dataclass(frozen=True)
class Asked:
    """Queries and candidates of a benchmark, by one model.

    Attributes:
        queries: rows of schemas.QUERIES.
        gallery: candidates with their features.
    """

    queries: Sequence[dict[str, Any]]
    gallery: ranking.Gallery


def gallery(candidates: pa.Table, features: np.ndarray) -> ranking.Gallery:
    """Candidates with their features; an image may stand in several groups.

    Args:
        candidates: of schemas.GALLERY.
        features: of each, un-normalised [n, dim]; they are normalised where they lie.
    """
    ids = candidates["image_id"].to_pylist()
    groups = [group or "" for group in candidates["group"].to_pylist()]
    return ranking.Gallery(ids, ranking.normalise_in_place(features, ids), groups)


def keep(
    names: Mapping[str, Any],
    composed: np.ndarray,
    asked: Asked,
    *,
    protocol: Protocol,
    resampling: Resampling,
    folder: Path,
    is_bound: bool = False,
) -> None:
    """Rank and measure a run, and write all that it leaves behind.

    Args:
        names: benchmark, backbone, method and seed.
        composed: features of its queries [n_queries, dim], un-normalised or not.
        asked: what is ranked.
        protocol: how the benchmark is evaluated.
        resampling: of the intervals.
        folder: of the scale, below which all is written.
        is_bound: whether the run knows the answers: nothing of it goes to a server.
    """
    path = {kind: folder / KINDS[kind].path(**names) for kind in ("query_features", "rankings", "metrics")}
    query_ids = [query["query_id"] for query in asked.queries]
    vectors.write(path["query_features"], query_ids, composed, schemas.query_features(composed.shape[1]))
    normalised = ranking.normalise(composed, query_ids)
    rows = ranking.rank(asked.queries, normalised, asked.gallery, protocol.remove_reference, protocol.ties)
    ranked = pa.Table.from_pylist(rows, schema=schemas.RANKINGS)
    files.write_table(path["rankings"], ranked, schemas.RANKINGS)
    figures: list[dict[str, Any]] = []
    if has_answers(ranked, protocol.metrics):
        figures = measure(ranked, protocol.metrics, resampling, str(path["rankings"]))
    common = {**names, "split": protocol.split}
    files.write_rows(path["metrics"], [{**common, **row} for row in figures], schemas.METRICS)
    if protocol.server and not is_bound:
        kind = KINDS["submissions"]
        paths = {
            file: folder / kind.path(**names, server_file=file) for file in submissions.load(protocol.server).FILES
        }
        submissions.write_all(protocol.server, rows, list(asked.queries), asked.gallery.ids, paths)
    hidden = "" if figures else "; the answers are hidden, so nothing is measured: the server scores the submission"
    say(f"{names['method']}: {len(rows):,} queries against {len(asked.gallery.ids):,} images{hidden}")
