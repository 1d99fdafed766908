"""Images that lie in tars, as img2dataset packs web collections: read where they are, without unpacking.

    read(Path("data"), "cc3m/cc_data/train/00000.tar::000000017.jpg")  # the bytes of a member
    for name, caption in captioned(Path("data/cc3m/cc_data/train/00000.tar")): …

A path of such an image is the tar's, `::` and the member's name. Headers are read once a tar; the tars used last are
kept in mind, so that a list in the tars' order reads each once.
"""

import functools
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from cirque.data.tars import StrictHeader
from cirque.errors import CirqueError

_MARK = ".tar::"

#: Endings of img2dataset's pictures.
PICTURES = ("jpg", "jpeg", "png", "webp")

#: Start and length of a member, in bytes.
Span = tuple[int, int]


def is_there(data_root: Path, path: str) -> bool:
    """Whether an image is there, a file or a member of a tar.

    Raises:
        CirqueError: its tar is cut short or altered.
    """
    tar, name = _divided(data_root, path)
    return tar.is_file() and (name is None or name in _members(tar, tar.stat().st_mtime_ns))


def read(data_root: Path, path: str) -> bytes:
    """The bytes of an image, a file or a member of a tar.

    Raises:
        OSError: the file or tar cannot be read, or the tar has no such member.
        CirqueError: its tar is cut short or altered.
    """
    tar, name = _divided(data_root, path)
    if name is None:
        return tar.read_bytes()
    spans = _members(tar, tar.stat().st_mtime_ns)
    if name not in spans:
        raise FileNotFoundError(f"the tar has no {name}")
    with tar.open("rb") as stream:
        return _bytes(stream.fileno(), spans[name])


def captioned(tar: Path) -> Iterator[tuple[str, str]]:
    """(name, caption) of every picture of a tar, in its order; KEY.txt has the caption, or KEY.json as `caption`.

    Raises:
        CirqueError: the tar is cut short or altered, or a picture has no caption.
    """
    spans = _members(tar, tar.stat().st_mtime_ns)
    with tar.open("rb") as stream:
        for name in spans:
            key, _, ending = name.rpartition(".")
            if ending.lower() not in PICTURES:
                continue
            try:
                if f"{key}.txt" in spans:
                    caption = _bytes(stream.fileno(), spans[f"{key}.txt"]).decode()
                else:
                    caption = json.loads(_bytes(stream.fileno(), spans[f"{key}.json"]))["caption"] or ""
                yield name, " ".join(caption.split())
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise CirqueError(
                    f"{tar}: {name} has no caption ({error!r:.80}): it must be in {key}.txt, or in {key}.json as"
                    " `caption`; download the tar again"
                ) from error


def _divided(data_root: Path, path: str) -> tuple[Path, str | None]:
    """Where a file lies, or a tar and the member's name."""
    tar, mark, name = path.partition(_MARK)
    return (data_root / f"{tar}.tar", name) if mark else (data_root / path, None)


@functools.lru_cache(maxsize=8)
def _members(tar: Path, changed: int) -> dict[str, Span]:
    """Name and place of every file of a tar, as long as it was not changed."""
    try:
        with tarfile.open(tar, "r:", tarinfo=StrictHeader) as opened:
            spans = {info.name: (info.offset_data, info.size) for info in opened if info.isreg()}
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise CirqueError(
            f"{tar}: is cut short or altered ({error}); download it again, or take it out of the folder and make the"
            " list of images anew"
        ) from error
    return spans


def _bytes(descriptor: int, span: Span) -> bytes:
    start, length = span
    return os.pread(descriptor, length, start)
