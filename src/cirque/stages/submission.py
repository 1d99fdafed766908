"""Write and check the two server files of a CIRR split whose answers are hidden."""

from pathlib import Path

from cirque import files, schemas
from cirque import submission as server
from cirque.progress import say


def main(*, rankings: Path, queries: Path, gallery: Path, recall: Path, recall_subset: Path) -> None:
    """Turn rankings into the files `recall` and `recall_subset`, each checked before it is written.

    Args:
        rankings: rankings.parquet of a method.
        queries: queries.parquet of the benchmark.
        gallery: gallery.parquet of the benchmark.
        recall: server file with 50 names a query.
        recall_subset: server file with 3 names a query.
    """
    ranked = files.read_table(rankings, ["query_id", "top_ids", "subset_ids"]).to_pylist()
    pairs = server.pairs_of(files.read_table(queries, schemas.QUERIES.names).to_pylist())
    names = files.read_table(gallery, ["image_id"])["image_id"].to_pylist()
    ready = {recall: server.contents(ranked, "recall"), recall_subset: server.contents(ranked, "recall_subset")}
    for path, content in ready.items():
        server.validate(content, pairs, names, path)
    for path, content in ready.items():
        server.write(path, content)
    say(f"{len(pairs):,} queries written for the server; upload both files, see docs/data.md#cirr-submission")
