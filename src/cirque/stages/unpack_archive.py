"""Unpack what a data set needs out of an archive that was fetched, and list it once it is whole."""

import hashlib
from pathlib import Path

from cirque.data import archives, download
from cirque.errors import CirqueError
from cirque.plan import unpacking
from cirque.progress import say
from cirque.store import files, provenance


def main(*, registry: Path, made: str, archive: Path, data_root: Path, output: Path) -> None:
    """Check the archive against the registry, then unpack it; killed, it goes on when it runs again.

    Args:
        registry: config/datasets.tsv; config/archives.tsv beside it says what is unpacked where.
        made: the folder or file that is wanted, relative to the data root.
        archive: the file of the registry.
        data_root: folder of the data sets.
        output: of a folder, the list of its files: JSON, written once all are there; else the file itself, beside which
            such a list says that it came so.

    Raises:
        CirqueError: the archive is not the registry's, or cannot be unpacked.
    """
    known = unpacking.table(registry)
    one = known.get(f"{made}/") or known.get(made)
    if one is None:
        raise CirqueError(f"{registry.with_name('archives.tsv')}: has no row for {made}")
    provenance.read(archive)
    fault = download.fault_of(archive, download.read_registry(registry)[one.archive])
    if fault:
        raise CirqueError(f"{archive}: {fault}, so it is not the released file and is not unpacked; fetch it again")
    mark = data_root / one.mark
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    most = int(archives.MAX_GB * 1e9)
    done = archives.unpack(archive, data_root / one.into, max_bytes=most, strip=one.strip, only=one.only)
    place = data_root / one.made
    if not place.exists():
        raise CirqueError(f"{archive}: holds no {one.made}; correct its row in {registry.with_name('archives.tsv')}")
    listed = output if one.is_folder else data_root / one.list
    files.write_json(listed, {"archive": one.archive, "sha256": provenance.sha256(archive), **_contents(place)})
    mark.unlink(missing_ok=True)
    say(f"{place}: {done.n_written:,} files of {archive.name} written, {done.n_there:,} were there already")


def _contents(place: Path) -> dict[str, object]:
    """How many files a folder has, or the one, with how many bytes, and a checksum over their names and sizes."""
    paths = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
    found = sorted((path.relative_to(place).as_posix(), path.stat().st_size) for path in paths)
    digest = hashlib.sha256("".join(f"{name}\t{size}\n" for name, size in found).encode("utf-8", "surrogateescape"))
    return {"n_files": len(found), "n_bytes": sum(size for _, size in found), "names_sha256": digest.hexdigest()}
