"""Check a CIRR server file against the official annotation files."""

from pathlib import Path

import tyro

from cirque import datasets, submission
from cirque.progress import say


def main(file: tyro.conf.Positional[Path], /, *, data_root: Path, split: str = "test1") -> None:
    """Say whether the server would take a file, and what is wrong with it otherwise.

    Args:
        file: the file to be uploaded.
        data_root: folder that holds CIRR/cirr/captions and CIRR/cirr/image_splits; no image is needed.
        split: split that the file answers.
    """
    cirr = datasets.load_benchmark("cirr")
    pairs = submission.pairs_of(cirr.queries(data_root, split))
    gallery = [name for name, _ in cirr.images(data_root, split)]
    metric = submission.validate(submission.read(file), pairs, gallery, file)
    say(f"{file}: {len(pairs):,} queries, {submission.LENGTH[metric]} names each, fit for the metric {metric}")
