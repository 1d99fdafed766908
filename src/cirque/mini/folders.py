"""Write many small files at once: a whole folder, or a tar of caption pairs, or nothing."""

import io
import lzma
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from cirque.errors import CirqueError
from cirque.store import files


def write_folder(folder: Path, contents: Iterable[tuple[str, bytes]]) -> None:
    """Write files, given by name and bytes, into a new folder that then takes the place of the old one.

    The same bytes for several names in a row are written once; the other names are hard links. A name may have folders.
    """
    partial = folder.parent / f".{folder.name}.part"
    last: tuple[Path, bytes] | None = None
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, data in contents:
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if last and last[1] is data:
                path.hardlink_to(last[0])
            else:
                path.write_bytes(data)
                last = path, data
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CirqueError(f"{folder}: could not be written ({error.strerror or error}); nothing was left") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a tar whose bytes depend on names and contents only: no dates, no owners."""
    with files.atomic(path) as partial, tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, members)


def packed_tar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """The bytes of such a tar under xz."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, members)
    return lzma.compress(whole.getvalue())


def _add(tar: tarfile.TarFile, members: Iterable[tuple[str, bytes]]) -> None:
    for name, data in members:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
