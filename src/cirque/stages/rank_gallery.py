"""Rank the gallery for every composed query."""

from pathlib import Path

from cirque.encoders.features import load_features
from cirque.evaluation import ranking
from cirque.progress import say
from cirque.store import files, schemas, vectors


def main(
    *,
    queries: Path,
    gallery: Path,
    query_features: Path,
    features: list[Path],
    remove_reference: bool,
    output: Path,
) -> None:
    """Write the rank of every ground truth and the best 50 of each query (schemas.RANKINGS).

    Args:
        queries: queries.parquet of a benchmark.
        gallery: gallery.parquet of the same benchmark; its order breaks ties.
        query_features: what a method composed for these queries.
        features: feature shards of the gallery's image set, by the same backbone.
        remove_reference: whether a query's own reference is taken out of its gallery.
        output: rankings.parquet.
    """
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    query_ids = [query["query_id"] for query in asked]
    composed = vectors.take(
        *vectors.read([query_features], "query_id", "feature"), query_ids, "query_id", f"feature in {query_features}"
    )
    candidates = files.read_table(gallery, ["image_id", "group"])
    ids = candidates["image_id"].to_pylist()
    rows = ranking.rank(
        asked,
        ranking.normalise(composed, query_ids),
        ranking.Gallery(
            ids,
            ranking.normalise(load_features(features, ids)[1], ids),  # an image may stand in several groups
            [group or "" for group in candidates["group"].to_pylist()],
        ),
        remove_reference,
    )
    files.write_rows(output, rows, schemas.RANKINGS)
    say(f"{len(rows):,} queries ranked against {len(ids):,} images")
