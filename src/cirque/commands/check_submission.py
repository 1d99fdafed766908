"""Check a server file against the official annotation files."""

from pathlib import Path

import tyro

from cirque import datasets, submissions
from cirque.progress import say


def main(
    file: tyro.conf.Positional[Path], /, *, data_root: Path, dataset: str = "cirr", split: str | None = None
) -> None:
    """Say whether the server would take a file, and what is wrong with it otherwise.

    Args:
        file: the file to be uploaded.
        data_root: folder of the data sets; the annotation files are needed, no image is.
        dataset: whose server it is for: cirr or circo.
        split: split that the file answers; by default the one whose answers are hidden.
    """
    server, benchmark = submissions.load(dataset), datasets.load_benchmark(dataset)
    answered = split or server.SPLIT
    queries = benchmark.queries(data_root, answered)
    gallery = [name for name, _ in benchmark.images(data_root, answered)]
    fit = server.validate(submissions.read(file, server), queries, gallery, file)
    say(f"{file}: {len(queries):,} queries, {fit}")
