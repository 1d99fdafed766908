"""Archives of images: zip and tar, plain and packed."""

import functools
import gzip
import io
import lzma
import random
import tarfile
import zipfile
from pathlib import Path

from cirque.data import archives
from tests.fuzz import mutations
from tests.fuzz.harness import Target

MAX_BYTES = 10**6

#: Bytes that do not shrink, as a picture's.
FILES = {"val2017/1.jpg": random.Random(0).randbytes(700), "val2017/more/2.jpg": b"2" * 300, "list.txt": b"1\n2\n"}


def zipped(method: int) -> bytes:
    """A zip of files and a link."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
        link = zipfile.ZipInfo("val2017/link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "1.jpg")
    return out.getvalue()


def tarred(form: int) -> bytes:
    """A tar of files, a folder, a hard and a symbolic link, and a name that needs a header of its own."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("val2017")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in {**FILES, "long/" + "n" * 120: b"1"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, kind, target in (("a", tarfile.SYMTYPE, "val2017/1.jpg"), ("b", tarfile.LNKTYPE, "list.txt")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, target
            archive.addfile(link)
    return out.getvalue()


def _unpack(file: Path) -> None:
    out = file.parent / "out"
    done = archives.unpack(file, out, max_bytes=MAX_BYTES)
    made = [path for path in out.rglob("*") if path.is_file()]
    assert len(made) == done.n_written
    assert sum(path.stat().st_size for path in made) == done.n_bytes <= MAX_BYTES
    again = archives.unpack(file, out, max_bytes=MAX_BYTES)
    assert (again.n_written, again.n_there) == (0, done.n_written)


def _tars(folder: Path) -> list[bytes]:
    return [tarred(form) for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]


TARGETS = [
    Target(
        "zip",
        "val2017.zip",
        lambda folder: [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)],
        _unpack,
        mutations.of_zip(),
    ),
    Target("tar", "imagenet-r.tar", _tars, _unpack, mutations.of_tar),
    *(
        Target(
            f"tar_{kind}",
            f"women.tar.{kind}",
            lambda folder, pack=pack: [pack(tar) for tar in _tars(folder)],
            _unpack,
            mutations.of_packed_tar,
        )
        for kind, pack in (("gz", functools.partial(gzip.compress, mtime=0)), ("xz", lzma.compress))
    ),
]
