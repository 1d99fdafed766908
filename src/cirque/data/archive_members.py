"""What an archive of images holds, read from front to back: zip, or tar, plain or under gzip or xz.

    for member in members(Path("val2017.zip")):
        with member.open() as stream: …

An archive is a stranger's: each name is checked before it is given on, and so is how much is read for it. Members are
files, folders and links; anything else is refused, and so is what Python cannot read whole.
"""

import gzip
import lzma
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from cirque.data.tars import StrictHeader
from cirque.errors import CirqueError

#: How the kinds that are read begin, and others that people have under such names.
_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gz",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"<!doctype": "a web page",
    b"<html": "a web page",
}

#: Bytes that may be read beside the contents of two members: a tar's header can claim any length for a name.
_HEADERS = 2**24

#: Bytes behind a tar's end mark, all zero.
_PADDING = 2**26

#: Bytes before a zip member's name and contents.
_ZIP_HEADER = 30

#: The longest part of a path, and the longest path, in bytes.
_LONGEST = (255, 1024)

#: A folder for tarfile's filter that is no real one: what lies in a real one is looked at for every kind of archive.
_NOWHERE = "/nowhere/at/all"

_TYPES = {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.FIFOTYPE: "a pipe"}

_CURE = "download it again, or unpack it by hand if you trust it"

#: What the libraries raise for an archive that is cut short or altered.
_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    IndexError,
    RuntimeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: as the archive has it.
        parts: of its path, relative to the archive's root; none leads upwards.
        kind: of it.
        size: of its contents in bytes.
        open: gives a file's contents; only until the next member is asked for.
        crc: CRC-32 of the contents, where the archive states it.
        target: the parts of the path that a link leads to.
    """

    name: str
    parts: tuple[str, ...]
    kind: Literal["file", "folder", "link"]
    size: int
    open: Callable[[], IO[bytes]]
    crc: int | None = None
    target: tuple[str, ...] = ()


def members(archive: Path) -> Iterator[Member]:
    """Every member, in the archive's order.

    Args:
        archive: zip, tar, tar.gz or tar.xz, known by its first bytes.

    Raises:
        CirqueError: it is no such archive, is cut short or altered, or a member is none that may be unpacked.
    """
    kind = _kind(archive)
    with intact(archive):
        yield from _of_zip(archive) if kind == "zip" else _of_tar(archive, kind)


@contextmanager
def intact(archive: Path, name: str = "") -> Iterator[None]:
    """Turn what the libraries raise for a spoilt archive into a sentence."""
    try:
        yield
    except _FAULTS as error:
        where = f"{archive}: {name!r:.200}" if name else f"{archive}"
        raise CirqueError(f"{where} is cut short or altered ({error}); download the archive again") from error


def refused(archive: Path, name: str, what: str, cure: str = _CURE) -> CirqueError:
    """The error of a member that is not unpacked."""
    return CirqueError(f"{archive}: {name!r:.200} {what}; {cure}")


def _kind(archive: Path) -> str:
    """How to read an archive; what is not known may be a plain tar."""
    with archive.open("rb") as stream:
        head = stream.read(64)
    heads = (head, head.lstrip().lower())
    kind = next((kind for magic, kind in _MAGIC.items() if any(one.startswith(magic) for one in heads)), "tar")
    if kind not in {"zip", "gz", "xz", "tar"}:
        raise CirqueError(f"{archive}: is {kind}; zip, tar, tar.gz and tar.xz are read: download the right file")
    return kind


# ---- names ---------------------------------------------------------------------------------------------------------


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    """The parts of a member's path, without `.`; refused where it could lead out of a folder, here or elsewhere."""
    if any(unicodedata.category(letter) in {"Cc", "Cs"} and not "\udc80" <= letter <= "\udcff" for letter in name):
        raise refused(archive, name, "has a control character in its name")
    if name.startswith("/"):
        raise refused(archive, name, "begins at the root of the disk")
    if "\\" in name or re.match("[A-Za-z]:", name):
        raise refused(archive, name, "is a path of Windows (a backslash or a drive)")
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise refused(archive, name, "leads upwards (..)")
    if any(len(part.encode("utf-8", "surrogateescape")) > _LONGEST[0] for part in parts):
        raise refused(archive, name, f"has a part of more than {_LONGEST[0]} bytes")
    if len(name.encode("utf-8", "surrogateescape")) > _LONGEST[1]:
        raise refused(archive, name, f"is a path of more than {_LONGEST[1]:,} bytes")
    return parts


def _target(archive: Path, name: str, link: str, folder: tuple[str, ...]) -> tuple[str, ...]:
    """What a link in a folder of the archive leads to; refused where it leaves the archive."""
    found = list(folder)
    for part in link.split("/") if not link.startswith("/") else [".."] * (len(folder) + 1):
        if part == ".." and not found:
            raise refused(archive, name, f"is a link that leads out of the archive, to {link!r:.200}")
        if part == "..":
            found.pop()
        elif part not in {"", "."}:
            found.append(part)
    return _parts(archive, "/".join(found))


# ---- zip -----------------------------------------------------------------------------------------------------------


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        for info in infos:
            _require_plain(archive, info)
        _require_apart(archive, infos)
        for info in infos:
            parts = _parts(archive, info.filename)
            mode = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or mode == stat.S_IFDIR:
                yield Member(info.filename, parts, "folder", 0, _nothing)
            elif mode == stat.S_IFLNK:
                if info.file_size > _LONGEST[1]:
                    raise refused(archive, info.filename, "is a link with too long a path")
                link = opened.read(info).decode("utf-8", "surrogateescape")
                target = _target(archive, info.filename, link, parts[:-1])
                yield Member(info.filename, parts, "link", 0, _nothing, target=target)
            elif mode in {0, stat.S_IFREG}:
                stream = _opener(opened, info)
                yield Member(info.filename, parts, "file", info.file_size, stream, crc=info.CRC)
            else:
                raise refused(archive, info.filename, "is a device or a pipe")


def _opener(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: opened.open(info)


def _require_plain(archive: Path, info: zipfile.ZipInfo) -> None:
    """Refuse what is encrypted or packed in a way of which a piece cannot be read alone (and Deflate64: unknown)."""
    if info.flag_bits & 0x41:
        raise refused(archive, info.filename, "is encrypted", "unpack it by hand with its password")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        what = f"is packed with method {info.compress_type}, and only 0 (stored) and 8 (deflated) are read"
        raise refused(archive, info.filename, what, "unpack it by hand")
    if "\0" in info.orig_filename:
        raise refused(archive, info.orig_filename, "has a control character in its name")


def _require_apart(archive: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share their bytes, by which a small file can hold any number of large ones."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise refused(archive, info.filename, "lies over another member's bytes")
        end = info.header_offset + _ZIP_HEADER + info.compress_size


def _nothing() -> IO[bytes]:
    raise AssertionError("only files have contents")


# ---- tar -----------------------------------------------------------------------------------------------------------


class _Metered:
    """A stream of which no more is read than `left` says."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.left = _HEADERS

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.left:
            raise tarfile.ReadError("a header claims to be longer than any is")
        data = self.stream.read(size)
        self.left -= len(data)
        return data

    def seek(self, position: int) -> int:
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()


def _of_tar(archive: Path, kind: str) -> Iterator[Member]:
    with archive.open("rb") as packed, _unpacked(packed, kind) as stream:
        metered = _Metered(stream)
        mode = "r:" if kind == "tar" else "r|"  # in a plain one, what is not wanted is jumped over
        with tarfile.open(fileobj=cast(Any, metered), mode=mode, tarinfo=StrictHeader) as opened:  # type: ignore[call-overload]
            while (info := opened.next()) is not None:
                opened.members.clear()  # each was given on; millions would fill the memory
                if info.size < 0 or info.offset_data < 0:
                    raise tarfile.ReadError("a size below zero")
                metered.left = info.size + _HEADERS
                yield _of_header(archive, opened, info)
            metered.left = _PADDING + _HEADERS
            _require_end(opened.fileobj)


def _unpacked(packed: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=packed))
    return lzma.open(packed) if kind == "xz" else packed


def _require_end(stream: Any) -> None:
    """Read to the end, where a packed stream has its checksum; behind the end mark there are only zeros."""
    for _ in range(_PADDING // 2**20):
        data = stream.read(2**20)
        if data.strip(b"\0"):
            break
        if not data:
            return
    raise tarfile.ReadError("goes on behind its end mark")


def _of_header(archive: Path, opened: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    parts = _parts(archive, info.name)
    if info.issparse() or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        what = "a file with holes" if info.issparse() else _TYPES.get(info.type, f"of the unknown kind {info.type!r}")
        raise refused(archive, info.name, f"is {what}")
    if info.issym() or info.islnk():
        target = _target(archive, info.name, info.linkname, parts[:-1] if info.issym() else ())
        member = Member(info.name, parts, "link", 0, _nothing, target=target)
    elif info.isdir():
        member = Member(info.name, parts, "folder", 0, _nothing)
    else:
        member = Member(info.name, parts, "file", info.size, lambda: cast(IO[bytes], opened.extractfile(info)))
    try:
        tarfile.data_filter(info, _NOWHERE)  # Python's own judgement, should it know more
    except tarfile.FilterError as error:
        raise refused(archive, info.name, f"is refused by tarfile ({error})") from error
    return member
