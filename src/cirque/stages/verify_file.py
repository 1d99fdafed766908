"""Prove that a file below the data root is the released one, by its checksum."""

from pathlib import Path

from cirque.data import download
from cirque.errors import CirqueError
from cirque.store import files, provenance


def main(*, registry: Path, file: str, released: Path, output: Path) -> None:
    """Write the file's checksum, if it is that of config/datasets.tsv.

    Args:
        registry: config/datasets.tsv.
        file: the column `file` of its row.
        released: the file itself.
        output: JSON with the file's name, size and checksum.
    """
    entry = download.read_registry(registry)[file]
    provenance.read(released)
    fault = download.fault_of(released, entry)
    if fault:
        raise CirqueError(
            f"{released}: {fault}, so it is not the released file, and figures made of it cannot stand beside the"
            " papers'; put the released file there (docs/data.md#"
            f"{entry.dataset}), or set `comparable: false` with the reason in `not_comparable_because`"
        )
    files.write_json(output, {"file": file, "bytes": released.stat().st_size, "sha256": provenance.sha256(released)})
