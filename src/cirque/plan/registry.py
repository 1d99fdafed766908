"""What the registry of data (config/datasets.tsv) says to rules: which files can be fetched, and which be proven.

    proofs(["<data>/CIRCO/annotations/val.json"], registry)  # ["<scale>/released/CIRCO/annotations/val.json.json"]

A file that a person put below the data root counts as the released one only once its checksum was compared: the proof
of that is a file of its own, which every rule that reads the file asks for where figures are compared with the papers'.
"""

import csv
import functools
from collections.abc import Iterable
from pathlib import Path

from cirque.plan.paths import IN_RULES

#: Where rules write files of the data root.
DATA = "<data>/"


@functools.cache
def _rows(registry: Path) -> tuple[dict[str, str], ...]:
    with registry.open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream, delimiter="\t"))


def fetchable_files(registry: Path) -> list[str]:
    """Files that the stage fetch_file knows, relative to the data root."""
    return [row["file"] for row in _rows(registry)]


def fetched_files(registry: Path) -> list[str]:
    """Those of them that it fetches; the others a person has to get."""
    return [row["file"] for row in _rows(registry) if row["url"] and row["gated"] != "yes"]


def provable_files(registry: Path) -> list[str]:
    """Those that have a checksum to be compared with."""
    return [row["file"] for row in _rows(registry) if row["sha256"] or row["git_blob"]]


def proofs(files: Iterable[str], registry: Path) -> list[str]:
    """Proofs that the files of a rule's input are the released ones, of those that can be proven."""
    provable = frozenset(provable_files(registry))
    names = [file.removeprefix(DATA) for file in files]
    return [IN_RULES.released.format(file=name) for name in names if name in provable]
