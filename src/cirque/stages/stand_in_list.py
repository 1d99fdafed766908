"""List the images of a set whose official list is not at hand: those that queries name, and others up to its size."""

import json
from pathlib import Path

from cirque import datasets
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files


def main(*, dataset: str, n_images: int, annotations: list[Path], data_root: Path, output: Path) -> None:
    """Write the list in the form of the official one.

    Args:
        dataset: Module of cirque.datasets that has a `stand_in_list`.
        n_images: Images of the set.
        annotations: Official files that name some of them.
        data_root: Folder of the data sets.
        output: The list.
    """
    make = datasets.stand_in_list(dataset)
    if make is None:
        raise CirqueError(f"{output}: {dataset} has no stand-in for its list; put the official file there")
    files.write_text(output, json.dumps(make(data_root, n_images)))
    say(f"{output}: {n_images:,} images, of which those that {len(annotations)} annotation files name are real names")
