"""Generate OpenWebText: its archive of archives, with articles about scenes of the mini world."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from cirque.mini.draws import draws
from cirque.mini.folders import packed_tar
from cirque.mini.prose import article
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("openwebtext/openwebtext.tar.xz",)

#: Documents of one inner archive; the official ones hold about 400.
DOCUMENTS_OF_A_SUBSET = 400


def _pages(seed: int, numbers: range) -> Iterator[tuple[str, bytes]]:
    for i in numbers:
        data = f"{article(draws(seed, 'openwebtext', i))}\n".encode()
        yield f"{i:07d}-{hashlib.sha256(data).hexdigest()[:32]}.txt", data


def generate(*, seed: int, n_documents: int, data_root: Path) -> None:
    """Write openwebtext/openwebtext.tar.xz.

    Args:
        seed: Of every draw.
        n_documents: Number of documents.
        data_root: Folder of the generated data.
    """
    starts = range(0, n_documents, DOCUMENTS_OF_A_SUBSET)
    subsets = (
        (
            f"openwebtext/urlsf_subset00-{number}_data.xz",
            packed_tar(_pages(seed, range(start, min(start + DOCUMENTS_OF_A_SUBSET, n_documents)))),
        )
        for number, start in enumerate(starts, start=1)
    )
    with files.atomic(data_root / "openwebtext" / "openwebtext.tar.xz") as partial:
        partial.write_bytes(packed_tar(subsets))
