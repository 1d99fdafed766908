"""Whether data are there: found, missing, or another file than the released one; and how a person gets them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cirque import datasets
from cirque.data import download, shards
from cirque.data.download import Entry
from cirque.errors import CirqueError
from cirque.plan.data import Need

#: `fetched` comes by itself when a rule needs it, `generated` is drawn by the workflow.
State = Literal["found", "fetched", "generated", "missing", "not released"]


@dataclass(frozen=True)
class Presence:
    """A file or an image set, as it is.

    Attributes:
        path: relative to the data root.
        state: of it.
        detail: the reason, and what helps.
        licence: as the registry states it.
        n_bytes: that are to be fetched.
    """

    path: str
    state: State
    detail: str = ""
    licence: str = ""
    n_bytes: int = 0


def look(need: Need, data_root: Path, registry: Mapping[str, Entry], generated: bool) -> list[Presence]:
    """What is there of something that tables read; nothing is fetched or changed.

    Args:
        need: of `plan.data.needs`.
        data_root: folder of the data sets.
        registry: of `download.read_registry`.
        generated: whether the workflow draws what is missing.
    """
    found = [_file(name, data_root, registry.get(name), generated) for name in need.files]
    if not need.folders:
        return found
    return [*found, _images(need, data_root, registry, generated)]


def _file(name: str, data_root: Path, entry: Entry | None, generated: bool) -> Presence:
    path, licence = data_root / name, entry.licence if entry else ""
    if not path.is_file():
        if generated:
            return Presence(name, "generated")
        if entry is None:
            return Presence(name, "missing", "put it there; no address of it is known")
        if not entry.gated and entry.urls:
            return Presence(name, "fetched", "when it is needed", licence, entry.n_bytes or 0)
        return Presence(name, "missing", entry.note, licence)
    fault = None if entry is None or generated else download.fault_of(path, entry)
    if fault:
        return Presence(name, "not released", f"{fault}; put the released file there", licence)
    checked = entry is not None and bool(entry.sha256 or entry.git_blob) and not generated
    return Presence(name, "found", "checksum right" if checked else "no checksum is known", licence)


def _images(need: Need, data_root: Path, registry: Mapping[str, Entry], generated: bool) -> Presence:
    """An image set: every file that its lists name."""
    name = ", ".join(f"{folder}/" for folder in need.folders)
    entry = next((registry[f"{folder}/"] for folder in need.folders if f"{folder}/" in registry), None)
    licence, how = (entry.licence, entry.note) if entry else ("", f"see docs/data.md#{need.dataset}")
    if generated and not all((data_root / folder).is_dir() for folder in need.folders):
        return Presence(name, "generated")
    if not any((data_root / folder).is_dir() for folder in need.folders):
        return Presence(name, "missing", how, licence)
    source = datasets.load(need.dataset)
    lists = [file for role, file in source.annotation_files(need.split).items() if role.startswith("split")]
    if not all((data_root / file).is_file() for file in lists):
        return Presence(name, "found", "not yet counted: the files that list them are not there", licence)
    try:
        listed = source.images(data_root, need.split)
        datasets.require_count(need.dataset, need.split, len(listed), need.n_images)
        rows = [{"image_id": name, "path": path} for name, path in listed]
        shards.require_files(f"{source.TITLE} {need.split}", rows, data_root, f"docs/data.md#{need.dataset}")
    except CirqueError as error:
        return Presence(name, "missing", f"{error}", licence)
    return Presence(name, "found", f"{len(listed):,} images", licence)
