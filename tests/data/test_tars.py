"""Tars that claim more than they hold."""

import io
import tarfile

import pytest

from cirque.data.tars import Finite, StrictHeader


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("a", "b"):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=Finite(io.BytesIO(data)), mode="r|", tarinfo=StrictHeader) as archive:  # type: ignore[call-overload]
        return [info.name for info in archive]


def test_a_whole_tar_is_read_to_its_end():
    assert names(tarred()) == ["a", "b"]


def test_a_spoilt_header_is_not_taken_for_the_end():
    data = bytearray(tarred())
    data[1024 + 200] ^= 1  # of the second
    with pytest.raises(tarfile.ReadError):
        names(bytes(data))


def test_a_stream_says_when_it_is_read_on_behind_its_end():
    stream = Finite(io.BytesIO(b"abc"))
    assert stream.read() == b"abc"
    with pytest.raises(tarfile.ReadError, match="more bytes than there are"):
        all(stream.read(512) == b"" for _ in range(10**6))
