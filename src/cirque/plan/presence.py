"""Whether data are there: found, missing, or another file than the released one; and how a person gets them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cirque import datasets
from cirque.data import download, shards
from cirque.data.download import Entry
from cirque.errors import CirqueError
from cirque.plan.needed_data import Need, absent
from cirque.plan.unpacking import Unpacking

#: `fetched` comes by itself when a rule needs it, `unpacked` comes out of an archive that does, `generated` is drawn by
#: the workflow; `uncounted` images are there, but not yet all that their number is known from.
State = Literal["found", "fetched", "unpacked", "generated", "missing", "uncounted", "not released"]


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


def look(
    need: Need,
    data_root: Path,
    registry: Mapping[str, Entry],
    generated: bool,
    unpacked: Mapping[str, Unpacking] | None = None,
) -> list[Presence]:
    """What is there of something that tables read; nothing is fetched or changed.

    Args:
        need: of `plan.data.needs`.
        data_root: folder of the data sets.
        registry: of `download.read_registry`.
        generated: whether the workflow draws what is missing.
        unpacked: what rules unpack, if they may.
    """
    coming = _out_of_archives(need, data_root, registry, unpacked or {})
    fetched = {name for name, entry in registry.items() if entry.is_fetched}
    lacking = absent(need, data_root, fetched)
    files = [name for name in need.files if name not in coming]
    found = [_file(name, data_root, registry.get(name), generated, name in lacking) for name in files]
    folders = [f"{folder}/" for folder in need.folders if f"{folder}/" not in coming]
    if len(folders) < len(need.folders) or any(folder in lacking for folder in folders):
        of_folders = [_folder(name, need, registry.get(name), generated, name in lacking) for name in folders]
        return [*found, *coming.values(), *of_folders]
    return [*found, *coming.values(), *([_images(need, data_root, registry)] if folders else [])]


def _out_of_archives(
    need: Need, data_root: Path, registry: Mapping[str, Entry], unpacked: Mapping[str, Unpacking]
) -> dict[str, Presence]:
    """What of a need is unpacked when a rule needs it, and the archives that are fetched for it."""

    def found() -> Iterator[Presence]:
        for name in (*need.files, *(f"{folder}/" for folder in need.folders)):
            one = unpacked.get(name)
            if one is None or ((data_root / name).exists() and not (data_root / one.mark).exists()):
                continue
            entry = registry[one.archive]
            if not (data_root / one.archive).is_file():
                yield Presence(one.archive, "fetched", "when it is needed", entry.licence, entry.n_bytes or 0)
            yield Presence(name, "unpacked", f"out of {one.archive}", entry.licence)

    return {one.path: one for one in found()}


def _file(name: str, data_root: Path, entry: Entry | None, generated: bool, is_lacking: bool) -> Presence:
    path, licence = data_root / name, entry.licence if entry else ""
    if not path.is_file():
        if generated:
            return Presence(name, "generated")
        if is_lacking:
            note = entry.note if entry else "put it there; no address of it is known"
            return Presence(name, "missing", note, licence)
        n_bytes = entry.n_bytes if entry else None
        return Presence(name, "fetched", "when it is needed", licence, n_bytes or 0)
    fault = None if entry is None or generated else download.fault_of(path, entry)
    if fault:
        return Presence(name, "not released", f"{fault}; put the released file there", licence)
    checked = entry is not None and bool(entry.sha256 or entry.git_blob) and not generated
    return Presence(name, "found", "checksum right" if checked else "no checksum is known", licence)


def _folder(name: str, need: Need, entry: Entry | None, generated: bool, is_lacking: bool) -> Presence:
    """A folder of an image set of which one is not there."""
    licence, how = (entry.licence, entry.note) if entry else ("", f"see docs/data.md#{need.dataset}")
    if not is_lacking:
        return Presence(name, "uncounted", "counted once its other folders are there", licence)
    return Presence(name, "generated") if generated else Presence(name, "missing", how, licence)


def _images(need: Need, data_root: Path, registry: Mapping[str, Entry]) -> Presence:
    """An image set whose folders are there: every file that its lists name."""
    folders = [f"{folder}/" for folder in need.folders]
    name, licence = ", ".join(folders), next((registry[one].licence for one in folders if one in registry), "")
    source = datasets.load(need.dataset)
    lists = [file for role, file in source.annotation_files(need.split).items() if role.startswith("split")]
    if not all((data_root / file).is_file() for file in lists):
        return Presence(name, "uncounted", "counted once the files that list them are there", licence)
    try:
        listed = source.images(data_root, need.split)
        datasets.require_count(need.dataset, need.split, len(listed), need.n_images)
        rows = [{"image_id": name, "path": path} for name, path in listed]
        shards.require_files(f"{source.TITLE} {need.split}", rows, data_root, f"docs/data.md#{need.dataset}")
    except CirqueError as error:
        return Presence(name, "missing", f"{error}", licence)
    return Presence(name, "found", f"{len(listed):,} images", licence)
