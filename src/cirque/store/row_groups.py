"""Checksums of parts of a Parquet file: of each group of its rows, and of the footer that says where they lie."""

import hashlib
from pathlib import Path

#: How a Parquet file ends: the length of its footer in four bytes, and its name.
END, MAGIC = 8, b"PAR1"


def sha256(path: Path) -> list[tuple[int, int, str]]:
    """Begin, length and SHA-256 of each group of rows of a Parquet file."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (most stages that write a record have it; a few need not)

    metadata, found = pq.read_metadata(path), []
    with path.open("rb") as stream:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            columns = [group.column(column) for column in range(group.num_columns)]
            start = min(column.dictionary_page_offset or column.data_page_offset for column in columns)
            length = sum(column.total_compressed_size for column in columns)
            stream.seek(start)
            found.append((start, length, hashlib.sha256(stream.read(length)).hexdigest()))
    return found


def footer_sha256(path: Path) -> str | None:
    """SHA-256 of where the footer of a Parquet file begins and of its bytes; None if the file has no such end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - END))
        end = stream.read()
        start = size - END - int.from_bytes(end[:4], "little")
        if end[4:] != MAGIC or start < 0:
            return None
        stream.seek(start)
        return hashlib.sha256(b"%d " % start + stream.read()).hexdigest()
