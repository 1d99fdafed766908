"""Write and check the server files of a split whose answers are hidden."""

from pathlib import Path

from cirque import submissions
from cirque.progress import say
from cirque.store import files, schemas


def main(*, dataset: str, rankings: Path, queries: Path, gallery: Path, outputs: list[Path]) -> None:
    """Turn rankings into the files for the test server, each checked before any is written.

    Args:
        dataset: module of cirque.submissions.
        rankings: rankings.parquet of a method.
        queries: queries.parquet of the benchmark.
        gallery: gallery.parquet of the benchmark.
        outputs: a path for each of the server's files, called as they are: `…/recall.json`.
    """
    server = submissions.load(dataset)
    ranked = files.read_table(rankings, ["query_id", "top_ids", "subset_ids"]).to_pylist()
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    names = files.read_table(gallery, ["image_id"])["image_id"].to_pylist()
    ready = {path: server.contents(ranked, path.stem) for path in outputs}
    for path, content in ready.items():
        server.validate(content, asked, names, path)
    for path, content in ready.items():
        submissions.write(path, content, server)
    say(f"{len(asked):,} queries written for the server; where to upload: docs/data.md#{dataset}-submission")
