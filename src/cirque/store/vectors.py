"""Vectors in stage files: a key column and a column of fixed-size lists, as numpy arrays."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cirque.errors import CirqueError, listed
from cirque.store import files, provenance


def column(array: np.ndarray) -> pa.FixedSizeListArray:
    """An array [n, dim] as a column of n lists of dim floats."""
    flat = pa.array(np.ascontiguousarray(array, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, array.shape[1])


def write(path: Path, keys: Sequence[str], array: np.ndarray, schema: pa.Schema) -> None:
    """Write a key and a vector a row; `schema` names the two columns and the dimension."""
    files.write_table(path, pa.table([pa.array(list(keys)), column(array)], schema=schema), schema)


def read(paths: Sequence[Path], key: str, name: str) -> tuple[list[str], np.ndarray]:
    """Read the vectors of several files of one kind; rows with a status other than `ok` are left out.

    Args:
        paths: files, read in this order.
        key: column of the keys.
        name: column of the vectors.

    Returns:
        The keys, and an fp32 array [n, dim].

    Raises:
        CirqueError: the files differ in dimension, a key occurs twice, a value is not finite, or no row is left.
    """
    keys: list[str] = []
    blocks: list[np.ndarray] = []
    for path, table in _groups(paths):
        names, block = of_table(path, table, key, name)
        if blocks and blocks[0].shape[1] != block.shape[1]:
            raise CirqueError(
                f"{path}: {name}s of {block.shape[1]} dimensions, but {paths[0]} has {blocks[0].shape[1]}"
            )
        keys += names
        blocks.append(block)
        del block  # so that nothing but the list holds it
    if not keys:
        raise CirqueError(f"no {name} in {listed(paths)}")
    twice = repeated(pa.array(keys))
    if twice:
        raise CirqueError(f"{name}s: {key} occurs twice ({listed(twice)}) in {listed(paths)}")
    return keys, _joined(blocks)


def _groups(paths: Sequence[Path]) -> Iterator[tuple[Path, pa.Table]]:
    """Groups of rows of all files, each with its file."""
    for path in paths:
        for table in files.read_groups(path):
            yield path, table


def repeated(keys: pa.Array | pa.ChunkedArray) -> list[str]:
    """Keys that occur more than once."""
    if pc.count_distinct(keys).as_py() == len(keys):
        return []
    counts = pc.value_counts(keys)
    found: list[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found


def usable(table: pa.Table) -> pa.Table:
    """The rows of a file but those with a status other than `ok`."""
    return table.filter(pc.equal(table["status"], "ok")) if "status" in table.column_names else table


def dim_of(path: Path, schema: pa.Schema, key: str, name: str) -> int:
    """Dimension of the vectors of a file with such columns.

    Raises:
        CirqueError: it lacks one of them, or they are no vectors of one length.
    """
    if key not in schema.names or name not in schema.names:
        raise CirqueError(f"{path}: lacks the column {key} or {name}; it has {', '.join(schema.names)}")
    kind = schema.field(name).type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise CirqueError(f"{path}: {name} holds {kind}, not vectors of one length; {provenance.cure(path)}")
    return int(kind.list_size)


def of_table(path: Path, table: pa.Table, key: str, name: str) -> tuple[list[str], np.ndarray]:
    """Keys and vectors [n, dim] of some rows of a file.

    Raises:
        CirqueError: as of `dim_of`, or a value is not finite.
    """
    table, dim = usable(table), dim_of(path, table.schema, key, name)
    block = np.concatenate([np.zeros(0, np.float32), *(c.flatten().to_numpy() for c in table[name].chunks)])
    block = block.reshape(-1, dim)
    names = table[key].to_pylist()
    broken = [names[row] for row in np.flatnonzero(~np.isfinite(block).all(axis=1))]
    if broken:
        raise CirqueError(f"{path}: the {name} of {listed(broken)} is not finite; {provenance.cure(path)}")
    return names, block


def _joined(blocks: list[np.ndarray]) -> np.ndarray:
    """One array of all blocks [n, dim], which are given up one by one: memory of the whole is touched as it fills."""
    if len(blocks) == 1:
        return blocks[0]
    blocks.reverse()
    whole = np.empty((sum(map(len, blocks)), blocks[0].shape[1]), dtype=np.float32)
    filled = 0
    while blocks:
        block = blocks.pop()
        whole[filled : filled + len(block)] = block
        filled += len(block)
    return whole


def take(keys: Sequence[str], array: np.ndarray, wanted: Sequence[str], whose: str, what: str) -> np.ndarray:
    """Rows of `array` for the wanted keys, in their order.

    Raises:
        CirqueError: some are missing; the message reads "3 of 9 {whose}s have no {what}".
    """
    if list(wanted) == list(keys):
        return array  # a gallery of millions need not be held twice
    rows = {key: row for row, key in enumerate(keys)}
    missing = list(dict.fromkeys(key for key in wanted if key not in rows))
    if missing:
        raise CirqueError(f"{len(missing)} of {len(set(wanted))} {whose}s have no {what} (first: {missing[0]})")
    return np.asarray(array[[rows[key] for key in wanted]])
