"""Archives of images, unpacked so that a stranger's file can do no harm and a kill costs nothing.

    done = unpack(Path("val2017.zip"), Path("data/paper/coco"), max_bytes=10**11)

The whole archive is looked through before the first file is written: names, links, sizes, and what is there already.
Then each file is written under a hidden name and moved into place; a second run goes on where the first ended. Files
alone are made: a link inside of the archive becomes a copy, no mode or owner is taken over, and nothing is executable.
"""

import filecmp
import functools
import os
import shutil
import tempfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from cirque.data.archive_members import Member, intact, members, refused
from cirque.errors import CirqueError
from cirque.progress import progress

#: Unpacked bytes for one of the archive that no archive of images reaches, and the size below which they do no harm.
MAX_RATIO = 100
HARMLESS = 10**8

#: What the files of an archive may have together, unless somebody says otherwise (GB).
MAX_GB = 100.0

#: What a member counts beside its contents: even an empty file costs the disk something.
_ENTRY = 512

_CHUNK = 2**20

#: Links from one to the next.
_MOST_LINKS = 40

#: Names that macOS puts into archives for itself.
_OF_MACOS = ("__MACOSX", ".DS_Store")

#: How the hidden file begins that is being written; the process id follows.
_PART = ".cirque-unpack."


@dataclass(frozen=True)
class Unpacked:
    """What came of an archive.

    Attributes:
        n_written: files that were written.
        n_there: files that were there already.
        n_left_out: files of macOS's own.
        n_bytes: of the files written.
    """

    n_written: int
    n_there: int
    n_left_out: int
    n_bytes: int


@dataclass(frozen=True)
class _File:
    """A file to be.

    Attributes:
        name: in the archive.
        size: in bytes.
        is_there: whether it is there already.
        copied_from: the path of the file that a link leads to.
    """

    name: str
    size: int
    is_there: bool
    copied_from: str = ""


def unpack(
    archive: Path, into: Path, *, max_bytes: int, strip: int = 0, only: str = "", replace: bool = False
) -> Unpacked:
    """Unpack the files of an archive in a folder.

    Args:
        archive: zip, tar, tar.gz or tar.xz.
        into: the folder; it is made where it is missing.
        max_bytes: that the files may have together.
        strip: how many folders to leave out at the beginning of each path.
        only: a folder or file of the archive; the others are left out.
        replace: whether a file that is there may give way to another one.

    Raises:
        CirqueError: the archive is not whole, could do harm, or would replace a file. All of this is known before the
            first file is written, but for the checksums of a zip and the contents of a plain tar.
    """
    try:
        wanted = _Selection(archive, into, strip, tuple(part for part in only.split("/") if part))
        plan = _Plan(wanted, max_bytes, replace)
        new = {path: file for path, file in plan.files.items() if not file.is_there}
        n_bytes = sum(file.size for file in new.values())
        _require_room(wanted, n_bytes)
        _write(wanted, new, n_bytes)
    except OSError as error:
        raise CirqueError(
            f"{archive}: could not be unpacked in {into} ({error.strerror or error}); the files that are there are"
            " whole: run again to go on"
        ) from error
    return Unpacked(len(new), len(plan.files) - len(new), wanted.n_left_out, n_bytes)


class _Selection:
    """The files and links of an archive that are wanted, each with its path below the folder."""

    def __init__(self, archive: Path, into: Path, strip: int, only: tuple[str, ...]) -> None:
        if not archive.is_file():
            raise CirqueError(f"{archive}: no such file; give the archive that you downloaded")
        self.archive = archive
        self.into = into  # as the person wrote it
        self.root = Path(os.path.realpath(into))
        self.home = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        if not self.home.is_dir():
            raise CirqueError(f"{into}: {self.home} is a file; give --into a folder")
        self.strip = strip
        self.only = only
        self.n_left_out = 0

    def __iter__(self) -> Iterator[tuple[str, Member]]:
        self.n_left_out = 0
        for member in members(self.archive):
            if member.kind == "folder":
                continue
            if not member.parts or any(part.startswith(_PART) for part in member.parts):
                raise refused(self.archive, member.name, "cannot be the name of a file here")
            if member.parts[: len(self.only)] != self.only:
                continue
            if any(part in _OF_MACOS or part.startswith("._") for part in member.parts):
                self.n_left_out += 1
                continue
            parts = member.parts[self.strip :]
            if not parts:
                raise refused(self.archive, member.name, f"lies in fewer than {self.strip} folders", "lower --strip")
            yield "/".join(parts), member


# ---- before anything is written ------------------------------------------------------------------------------------


class _Plan:
    """What is to be written, once all of an archive has been looked through."""

    def __init__(self, wanted: _Selection, max_bytes: int, replace: bool) -> None:
        self.wanted = wanted
        self.archive = wanted.archive
        self.max_bytes = max_bytes
        self.max_by_ratio = max(HARMLESS, MAX_RATIO * wanted.archive.stat().st_size)
        self.replace = replace
        self.total = 0
        self.folds = _folds_case(wanted.home)
        self.files: dict[str, _File] = {}
        self._names: dict[str, str] = {}  # of each path, as the file system tells it from others
        self._folders: dict[str, str] = {}
        self._inside: set[Path] = set()
        links: dict[str, Member] = {}
        paths: dict[tuple[str, ...], str] = {}
        bar: Any = progress(wanted, what=f"looking through {self.archive.name}", unit="file")
        for path, member in bar:
            self._require_own_path(path, member.name)
            paths[member.parts] = path
            if member.kind == "link":
                self._count(member.name, 0)
                links[path] = member
            else:
                self._count(member.name, member.size)
                is_there = self._is_there(path, member.name, member.size, functools.partial(_same, member=member))
                self.files[path] = _File(member.name, member.size, is_there)
        self.files |= {path: self._copy(path, links, paths) for path in links}
        if not self.files:
            where = f" in {'/'.join(wanted.only)!r}" if wanted.only else ""
            raise CirqueError(f"{self.archive}: holds no file{where}; see what it holds (unzip -l, tar -tf)")

    def _count(self, name: str, size: int) -> None:
        """Add to what the archive holds, and refuse it once this is more than it may be."""
        self.total += size + _ENTRY
        if self.total > self.max_bytes:
            what = f"and what comes before it have more than {self.max_bytes / 1e9:,.3g} GB unpacked"
            raise refused(self.archive, name, what, "raise --max-gb if you trust the archive")
        if self.total > self.max_by_ratio:
            what = f"and what comes before it have more than {MAX_RATIO} times the archive's bytes, which no images do"
            raise refused(self.archive, name, what)

    def _require_own_path(self, path: str, name: str) -> None:
        """Refuse a second member of one name, and a file where another member has a folder."""
        key = unicodedata.normalize("NFC", path).casefold() if self.folds else path
        if key in self._names:
            other = self._names[key]
            what = "occurs twice" if other == name else f"and {other!r:.200} would be one file here"
            raise refused(self.archive, name, what)
        self._names[key] = name
        above = list(_above(key))
        clash = self._folders.get(key) or next((self._names[one] for one in above if one in self._names), None)
        if clash:
            raise refused(self.archive, name, f"and {clash!r:.200} make one path a file and a folder")
        self._folders |= dict.fromkeys(above, name)

    def _is_there(self, path: str, name: str, size: int, same: Callable[[Path], bool]) -> bool:
        """Whether a file is there; refused if another one is, or if the folder for it is not below the root."""
        place, shown = self.wanted.root / path, self.wanted.into / path
        self._require_inside(place.parent, name)
        if not os.path.lexists(place):
            return False
        if place.is_dir():
            raise refused(self.archive, name, f"has a folder in its place, {shown}", "give that another name")
        with intact(self.archive, name):
            if place.is_file() and place.stat().st_size == size and same(place):
                return True
        if not self.replace:
            what = f"is another file than {shown}, which stays as it is"
            raise refused(self.archive, name, what, "give that another name, or say --replace")
        return False

    def _require_inside(self, folder: Path, name: str) -> None:
        if folder in self._inside:
            return
        if not Path(os.path.realpath(folder)).is_relative_to(self.wanted.root):
            what = f"would go through a link out of {self.wanted.into}, {folder}"
            raise refused(self.archive, name, what, "give --into the folder that the link leads to")
        nearest = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
        if not nearest.is_dir():
            what = f"needs a folder where a file is, {nearest}"
            raise refused(self.archive, name, what, "give that file another name")
        self._inside.add(folder)

    def _copy(self, path: str, links: dict[str, Member], paths: dict[tuple[str, ...], str]) -> _File:
        """A link as a copy of the file that it leads to, through other links or not."""
        link, found = links[path], path
        for _ in range(_MOST_LINKS):
            if found in links:
                found = paths.get(links[found].target, "")
        if found not in self.files:
            what = f"is a link to {'/'.join(link.target)!r:.200}, which is no file that is unpacked"
            raise refused(self.archive, link.name, what)
        size, place = self.files[found].size, self.wanted.root / found
        self._count(link.name, size)
        is_there = self._is_there(
            path, link.name, size, lambda copy: place.is_file() and filecmp.cmp(copy, place, shallow=False)
        )
        return _File(link.name, size, is_there, copied_from=found)


def _above(path: str) -> Iterator[str]:
    """The folders of a path: `a/b/c` has `a/b` and `a`."""
    while path := path.rpartition("/")[0]:
        yield path


def _folds_case(folder: Path) -> bool:
    """Whether the disk takes `A` and `a` for one name."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".cirque-case-") as probe:
        return (folder / Path(probe.name).name.upper()).exists()


def _same(place: Path, member: Member) -> bool:
    """Whether a file of the right size has a member's contents: by the zip's checksum, or else byte by byte."""
    with place.open("rb") as found:
        if member.crc is not None:
            checksum = 0
            while data := found.read(_CHUNK):
                checksum = zlib.crc32(data, checksum)
            return checksum == member.crc
        with member.open() as stream:
            while data := stream.read(_CHUNK):
                if found.read(len(data)) != data:
                    return False
    return True


def _require_room(wanted: _Selection, n_bytes: int) -> None:
    free = shutil.disk_usage(wanted.home).free
    if n_bytes > free:
        raise CirqueError(
            f"{wanted.archive}: its files have {n_bytes / 1e9:,.2f} GB, and the disk of {wanted.into} has"
            f" {free / 1e9:,.2f} GB left; make room, or give --into a folder elsewhere"
        )


# ---- writing -------------------------------------------------------------------------------------------------------


def _write(wanted: _Selection, new: dict[str, _File], n_bytes: int) -> None:
    """Write files, and the links' copies last."""
    left = dict(new)
    done = 0
    swept: set[Path] = set()
    bar: Any = progress(total=-(-n_bytes // 10**6), what=f"unpacking {wanted.archive.name}", unit="MB")
    with bar:

        def write(stream: IO[bytes], path: str) -> None:
            nonlocal done
            file, place = left.pop(path), wanted.root / path
            if place.parent not in swept:
                place.parent.mkdir(parents=True, exist_ok=True)
                _sweep(place.parent)
                swept.add(place.parent)
            _write_file(stream, place, file.size)
            done += file.size
            bar.update(done // 10**6 - bar.n)

        for path, member in wanted if left else ():
            if path in left and member.kind == "file":
                with intact(wanted.archive, member.name), member.open() as stream:
                    write(stream, path)
        for path, origin in [(path, file.copied_from) for path, file in left.items() if file.copied_from]:
            with (wanted.root / origin).open("rb") as stream:
                write(stream, path)
    if left:
        raise CirqueError(f"{wanted.archive}: was changed while it was unpacked; run again")


def _write_file(stream: IO[bytes], place: Path, size: int) -> None:
    """Copy a stream to a hidden file, which gets its name once it is whole."""
    part = place.parent / f"{_PART}{os.getpid()}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:  # not executable
            shutil.copyfileobj(stream, file, _CHUNK)
            if file.tell() != size:
                raise EOFError(f"{file.tell():,} of {size:,} bytes")
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sweep(folder: Path) -> None:
    """Remove what runs on this machine left when they were killed."""
    for orphan in folder.glob(f"{_PART}*.part"):
        writer = orphan.name.removeprefix(_PART).removesuffix(".part")
        if writer.isdigit() and (int(writer) == os.getpid() or not psutil.pid_exists(int(writer))):
            orphan.unlink(missing_ok=True)
