"""Read and write stage files so that a reader finds a whole file or none, and every file read or written is on record.

A file is written under a hidden name in its own folder and moved into place: a kill, a full disk or an error leaves the
former file, or nothing. What a stage read and wrote is noted for its provenance record (`cirque.store.provenance`).
"""

import bisect
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cirque.errors import CirqueError
from cirque.store import provenance


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path`; on success it becomes `path`, on any error it is removed.

    The name holds the process id: a job that outlived a killed Snakemake and the one that replaces it do not meet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    partial = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CirqueError(f"{path}: could not be written ({error.strerror or error}); nothing was left") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    provenance.wrote(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside `path`; on success it takes the place of `path`, on any error it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    partial = path.parent / f".{path.name}.{os.getpid()}.part"
    try:
        partial.mkdir()
        yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.replace(path)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CirqueError(f"{path}: could not be written ({error.strerror or error}); nothing was left") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    for file in sorted(path.rglob("*")):
        provenance.wrote(file)


def _remove_orphans(path: Path) -> None:
    """Remove what writers of `path` on this machine left when they were killed."""
    for orphan in path.parent.glob(f".{path.name}.*.part"):
        writer = orphan.name.removesuffix(".part").rpartition(".")[2]
        if writer.isdigit() and not psutil.pid_exists(int(writer)):
            if orphan.is_dir():
                shutil.rmtree(orphan, ignore_errors=True)
            else:
                orphan.unlink(missing_ok=True)


#: How stage files are written; each page has a checksum, so that a flipped bit is no other number.
PARQUET: Mapping[str, Any] = {"compression": "zstd", "write_page_checksum": True}


#: Rows of a group, the least that a reader can take of a file.
ROWS_OF_A_GROUP = 8192


def write_table(path: Path, table: pa.Table, schema: pa.Schema, rows_of_a_group: int = ROWS_OF_A_GROUP) -> None:
    """Write a table that must fit `schema` as Parquet (zstd); `read_where` reads the groups of rows that it needs."""
    with atomic(path) as partial:
        pq.write_table(table.cast(schema), partial, row_group_size=rows_of_a_group, **PARQUET)
    if rows_of_a_group != ROWS_OF_A_GROUP:
        provenance.wrote_groups(path)


def write_rows(
    path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema, rows_of_a_group: int = ROWS_OF_A_GROUP
) -> None:
    """Write dictionaries that must fit `schema` as Parquet."""
    write_table(path, pa.Table.from_pylist(list(rows), schema=schema), schema, rows_of_a_group)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet stage file.

    Raises:
        CirqueError: the file is missing, cut short or altered, or lacks a column.
    """
    provenance.read_unaltered(path)  # pages have checksums, the footer with their types and places has none
    with opened(path, columns or ()) as stored:
        table = stored.read(list(columns) if columns else None)
    return table.select(list(columns)) if columns else table


def read_groups(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a Parquet stage file group by group of its rows: of lists Arrow holds several times what it has read.

    Raises:
        CirqueError: as of `read_table`.
    """
    provenance.read_unaltered(path)
    with opened(path, columns or ()) as stored:
        names = list(columns or stored.schema_arrow.names)
        yield stored.schema_arrow.empty_table().select(names)  # so that there is always one
        for group in range(stored.num_row_groups):
            yield stored.read_row_group(group, names).select(names)


def read_where(path: Path, columns: Sequence[str], key: str, wanted: Collection[str]) -> pa.Table:
    """Read the rows of a Parquet stage file whose key, a text, is wanted, in order; groups without any are not read.

    The footer and what is read are compared with the file's record.

    Raises:
        CirqueError: as of `read_table`.
    """
    compare = provenance.read_in_part(path)
    asked = sorted(wanted)
    with opened(path, [*columns, key]) as stored:
        column = [leaf.path for leaf in map(stored.schema.column, range(len(stored.schema)))].index(key)
        described = [stored.metadata.row_group(group).column(column) for group in range(stored.num_row_groups)]
        groups = [group for group, about in enumerate(described) if _may_hold(about.statistics, asked)]
        compare(groups)
        found = stored.read_row_groups(groups, list(dict.fromkeys([*columns, key])))
    return found.filter(pc.is_in(found[key], pa.array(asked, pa.string()))).select(list(columns))


def _may_hold(statistics: Any, asked: Sequence[str]) -> bool:
    """Whether one of some sorted texts lies between the least and the greatest of a group."""
    if statistics is None or not statistics.has_min_max:
        return True
    first = bisect.bisect_left(asked, statistics.min)
    return first < len(asked) and asked[first] <= statistics.max


@contextmanager
def opened(path: Path, columns: Sequence[str]) -> Iterator[pq.ParquetFile]:
    """A Parquet file that has some columns; what Arrow says of a broken one becomes a sentence.

    Whether it is what a stage wrote must have been asked (`provenance.read_unaltered`).

    Raises:
        CirqueError: the file is missing or cut short, or lacks a column.
    """
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; ask Snakemake for it (snakemake -c8 {path})")
    try:
        # The file alone: its folders' key=value are DuckDB's business, and pq.read_table imports Arrow's data sets.
        with pq.ParquetFile(path, page_checksum_verification=True) as stored:
            present = stored.schema_arrow.names
            missing = [name for name in columns if name not in present]
            if missing:
                raise CirqueError(f"{path}: lacks the column {', '.join(missing)}; it has {', '.join(present)}")
            yield stored
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise CirqueError(f"{path}: not a whole Parquet file ({first}); {provenance.cure(path)}") from error


def read_tables(paths: Sequence[Path], columns: Sequence[str] | None = None) -> pa.Table:
    """Read stage files of one schema and put their rows one after the other."""
    return pa.concat_tables([read_table(path, columns) for path in paths])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        CirqueError: the file is missing, is not UTF-8, is not JSON, or has a key twice, and the message says where; or
            a stage made it, and it was altered since.
    """
    provenance.read_unaltered(path)
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_unique_keys)
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such file") from error
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error})") from error
    except KeyError as error:
        raise CirqueError(f"{path}: the key {error.args[0]!r} occurs twice in one object; keep one of them") from error
    except RecursionError as error:
        raise CirqueError(f"{path}: broken JSON, nested too deeply to be read") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise CirqueError(f"{path}: broken JSON at line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:  # Python reads no number of thousands of digits
        raise CirqueError(f"{path}: holds a number that is too long to be read; correct it") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dictionary; of two equal keys Python would drop the first in silence."""
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise KeyError(key)
        value[key] = item
    return value


def write_json(path: Path, value: object, indent: int | None = 2) -> None:
    """Write a value as UTF-8 JSON with a final line end."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")
