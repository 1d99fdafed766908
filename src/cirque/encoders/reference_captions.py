"""What a captioner says of a benchmark's reference images, as stage files.

A file has a row for each reference of its shard, in the shard's order: the caption, which may be empty, and the status
`ok`; or no caption and the reason why (schemas.REFERENCE_CAPTIONS).
"""

from collections.abc import Sequence
from pathlib import Path

from cirque.errors import CirqueError
from cirque.store import files, schemas


def write(path: Path, captions: Sequence[tuple[str, str | None, str]]) -> None:
    """Write image id, caption and status of each reference."""
    rows = [dict(zip(schemas.REFERENCE_CAPTIONS.names, row, strict=True)) for row in captions]
    files.write_rows(path, rows, schemas.REFERENCE_CAPTIONS)


def load(paths: Sequence[Path], references: Sequence[str]) -> list[str]:
    """Captions of the references, in their order.

    Raises:
        CirqueError: a reference has no caption, and why, if its image could not be read.
    """
    table = files.read_tables(paths, schemas.REFERENCE_CAPTIONS.names)
    known = {row["image_id"]: (row["caption"], row["status"]) for row in table.to_pylist()}
    missing = [name for name in dict.fromkeys(references) if known.get(name, (None,))[0] is None]
    if missing:
        first = missing[0]
        reason = f": {known[first][1]}; replace this image file" if first in known else "; delete these and run again"
        raise CirqueError(
            f"{len(missing):,} of {len(set(references)):,} references have no caption in {paths[0].parent} (first:"
            f" {first}{reason})"
        )
    return [known[name][0] for name in references]
