"""OpenWebText as published: one archive of archives, a text file a document (spec: docs/data.md#openwebtext).

    for number, document in enumerate(documents(Path("openwebtext.tar.xz")), start=1):

`openwebtext.tar.xz` holds `openwebtext/urlsf_subset00-1_data.xz` and so on, each of them again a tar under xz, with a
`.txt` for each page. Both are read as streams: nothing is unpacked, and no more than one document is held.
"""

import lzma
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cirque.data.tars import finite
from cirque.errors import CirqueError

#: Characters of a document that are read: a text tower reads its first 75 tokens, and pages of a megabyte would cost
#: the tokenizer days.
CHARACTERS = 4096


def documents(path: Path) -> Iterator[str]:
    """The beginning of every document in the order of the archive.

    Three and more line ends become two, as in the Hugging Face copy that LinCIR's loader reads.

    Raises:
        CirqueError: the archive is missing or cut short, or a document is not UTF-8; with the member's name.
    """
    member = "its members"
    try:
        with lzma.open(path) as stream, tarfile.open(fileobj=finite(stream), mode="r|") as whole:
            for subset in whole:
                if subset.isfile() and subset.name.endswith(".xz"):
                    member = subset.name
                    yield from _pages(f"{path}, {member}", _contents(whole, subset))
            _require_end(stream)
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(f"{path}: no whole archive of OpenWebText ({member}: {first}); fetch it again") from error
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error}); it is a corpus of captions") from error


def _pages(where: str, packed: IO[bytes]) -> Iterator[str]:
    """The documents of one inner archive."""
    with lzma.open(packed) as stream, tarfile.open(fileobj=finite(stream), mode="r|") as subset:
        for page in subset:
            if page.isfile() and page.name.endswith(".txt"):
                yield _beginning(f"{where}, {page.name}", _contents(subset, page).read())
        _require_end(stream)


def _require_end(stream: IO[bytes]) -> None:
    """Read on to the end of the compressed stream: a tar ends before it, and its reader does not miss what was cut."""
    while stream.read(1 << 20):
        pass


def _contents(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(member)
    assert found is not None  # as it is a file
    return found


def _beginning(where: str, data: bytes) -> str:
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CirqueError(
            f"{where}: byte {error.start + 1} is not UTF-8; fetch the corpus again, or take the document out"
        ) from error
    return re.sub("\n{3,}", "\n\n", whole).strip()[:CHARACTERS]
