"""What rules unpack out of archives that they fetch: config/archives.tsv, beside the registry of data.

    needed(config, registry)  # {"coco/val2017/": Unpacking(…)}

Nothing of it happens unless the configuration says `unpack: true`: the archives have gigabytes. A folder that is there
without a trace of unpacking is a person's own, and stays as it is.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError
from cirque.plan import registry as registries

Config = Mapping[str, Any]

COLUMNS = ("made", "archive", "into", "strip", "only")

#: Where the lists of what was unpacked lie, below the data root.
LISTS = "unpacked"


@dataclass(frozen=True)
class Unpacking:
    """A folder or file that comes out of an archive.

    Attributes:
        made: it, relative to the data root; a folder ends in /.
        archive: file of the registry.
        into: folder below the data root that the archive is unpacked in.
        strip: folders to leave out at the beginning of each path.
        only: folder or file of the archive, the only one that is wanted; empty for all.
    """

    made: str
    archive: str
    into: str
    strip: int
    only: str

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.made.endswith("/")

    @property
    def list(self) -> str:
        """The list of its files, which is there once all of them are; relative to the data root."""
        return f"{LISTS}/{self.made.rstrip('/')}.json"

    @property
    def mark(self) -> str:
        """What lies there as long as it is not whole; relative to the data root."""
        return f"{LISTS}/{self.made.rstrip('/')}.begun"


@functools.cache
def table(registry: Path) -> dict[str, Unpacking]:
    """What can be unpacked, by name.

    Args:
        registry: config/datasets.tsv; the table lies beside it.

    Raises:
        CirqueError: the table is broken, or an archive is none that a rule fetches.
    """
    path = registry.with_name("archives.tsv")
    fetched = frozenset(registries.fetched_files(registry))
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise CirqueError(f"{path}: its columns must be {', '.join(COLUMNS)}")
            rows = [Unpacking(**{**row, "strip": int(row["strip"])}) for row in reader]  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise CirqueError(f"{path}: is no table of what is unpacked ({error})") from error
    strange = [row.archive for row in rows if row.archive not in fetched]
    if strange:
        raise CirqueError(f"{path}: no rule fetches {strange[0]}; give it an address and a checksum in {registry}")
    return {row.made: row for row in rows}


def allowed(config: Config, registry: Path) -> dict[str, Unpacking]:
    """What rules may unpack: nothing unless the configuration says so."""
    return table(registry) if config.get("unpack") else {}


def needed(config: Config, registry: Path) -> dict[str, Unpacking]:
    """What rules unpack: what is not there, was begun, or came so."""
    root = Path(config["data_root"])

    def is_needed(one: Unpacking) -> bool:
        traces = (root / one.list, root / one.mark)
        return not (root / one.made).exists() or any(trace.exists() for trace in traces)

    return {name: one for name, one in allowed(config, registry).items() if is_needed(one)}


def lists(config: Config, registry: Path, folders: list[str]) -> list[str]:
    """Lists of those of some folders that rules unpack, relative to the data root."""
    found = needed(config, registry)
    return [found[f"{folder}/"].list for folder in folders if f"{folder}/" in found]


def brought(config: Config, registry: Path) -> frozenset[str]:
    """Files and folders that rules fetch or unpack; a folder ends in /."""
    return frozenset(registries.fetched_files(registry)) | frozenset(allowed(config, registry))
