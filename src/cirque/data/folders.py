"""What lies below a folder of images that a person filled: links are followed, endings count in any case."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def files_below(folder: Path, ending: str) -> Iterator[Path]:
    """Every file below a folder whose name has the ending, in any case, in no order.

    A folder that several links lead to is entered once, so that links may go in circles. Names that begin with a dot
    are left out: some archives carry macOS's own (`._`).
    """
    entered: set[tuple[int, int]] = set()
    for parent, below, names in os.walk(folder, followlinks=True):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in entered:
            below.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        yield from (
            Path(parent, name) for name in names if name.lower().endswith(ending.lower()) and not name.startswith(".")
        )


def names_of(folder: Path) -> Mapping[str, str]:
    """Names in a folder by their lower-case form, looked up once: asking for each takes long on a network disk."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {name.lower(): name for name in sorted((entry.name for entry in entries), reverse=True)}
