"""Download one file of the registry, or say how a person gets it."""

from pathlib import Path

from cirque.data import download
from cirque.errors import CirqueError, listed


def main(*, registry: Path, file: str, output: Path) -> None:
    """Bring a file of config/datasets.tsv to its place, resumed if it broke off, checked against its checksum.

    Args:
        registry: config/datasets.tsv.
        file: the column `file` of the row wanted.
        output: where to put it, {data_root}/{file}.
    """
    entries = download.read_registry(registry)
    if file not in entries:
        raise CirqueError(f"{registry}: has no row for {file!r}; it has {listed(sorted(entries), 99)}")
    download.fetch(entries[file], output)
