"""What Python's tarfile lacks against a spoilt tar: a header that says so, and an end that is one.

tarfile.open(fileobj=Finite(stream), mode="r|", tarinfo=StrictHeader)
"""

import tarfile
from typing import Any, BinaryIO, cast


class StrictHeader(tarfile.TarInfo):
    """A header that says so when it is spoilt: tarfile takes any but the first for the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> "StrictHeader":
        """The next header; of an archive that ends without its end mark, too, there is none."""
        try:
            return super().fromtarfile(tarfile)
        except _HEADER_ERRORS as error:
            raise _READ_ERROR(f"{error}") from error


_READ_ERROR = tarfile.ReadError
_HEADER_ERRORS: tuple[type[Exception], ...] = (
    tarfile.InvalidHeaderError,  # type: ignore[attr-defined]
    tarfile.EmptyHeaderError,  # type: ignore[attr-defined]
    tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]
)

#: How often in a row nothing may be read: tarfile looks for the end once or twice.
_LOOKS = 64


class Finite:
    """A stream that says so when it is read on and on behind its end.

    A header may claim any length; without this, tarfile passes over 2⁶³ bytes of which there are none, for years.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._looks = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            tarfile.ReadError: there have been none for long.
        """
        data = cast(bytes, self._stream.read(size))
        self._looks = 0 if data else self._looks + 1
        if self._looks > _LOOKS:
            raise tarfile.ReadError("a header claims more bytes than there are")
        return data


def finite(stream: Any) -> BinaryIO:
    """A stream as `Finite`, for those who ask for a file."""
    return cast(BinaryIO, Finite(stream))
