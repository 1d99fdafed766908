"""Vectors of Parquet files as the rows of one array, read when they are asked for, a group of rows at a time.

    rows = VectorRows([Path("features/00000.parquet"), Path("features/00001.parquet")], "image_id", "feature")
    rows[8000:9000]  # fp32 [1000, dim]

What a mapped .npy file is, in the memory of a group and of the keys.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cirque.errors import CirqueError, listed
from cirque.store import files, provenance, vectors

#: Groups that are kept: what is asked for next begins where the last ended, within a group.
GROUPS_KEPT = 2


class VectorRows:
    """Vectors of several files of one kind; rows with a status other than `ok` are left out.

    Attributes:
        names: keys of the rows, a column of strings.
        shape: n and dim.
        dtype: fp32, whatever the files hold.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, paths: Sequence[Path], key: str, name: str) -> None:
        """Read the keys.

        Args:
            paths: files, whose rows come in this order.
            key: column of the keys.
            name: column of the vectors.

        Raises:
            CirqueError: a file is missing, altered or of another kind, files differ in dimension, or no row is left.
        """
        self._key, self._name = key, name
        self._groups: list[tuple[Path, int]] = []
        keys, sizes, dims = [], [0], []
        for path in paths:
            provenance.read_unaltered(path)
            with files.opened(path, ()) as stored:
                dims.append(vectors.dim_of(path, stored.schema_arrow, key, name))
                if dims[-1] != dims[0]:
                    raise CirqueError(f"{path}: {name}s of {dims[-1]} dimensions, but {paths[0]} has {dims[0]}")
                columns = [column for column in (key, "status") if column in stored.schema_arrow.names]
                for group in range(stored.num_row_groups):
                    usable = vectors.usable(stored.read_row_group(group, columns))[key]
                    keys += usable.cast(pa.string()).chunks
                    sizes.append(len(usable))
                    self._groups.append((path, group))
        self._starts = np.cumsum(sizes)
        if not self._starts[-1]:
            raise CirqueError(f"no {name} in {listed(paths)}")
        self.names, self.shape = pa.chunked_array(keys, pa.string()), (int(self._starts[-1]), dims[0])
        self._group = functools.lru_cache(maxsize=GROUPS_KEPT)(self._read)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: "slice | NDArray[np.int64]") -> NDArray[np.float32]:
        """Rows of a slice, or of ascending positions, [n, dim].

        Raises:
            CirqueError: a value is not finite.
        """
        places = np.arange(*which.indices(len(self))) if isinstance(which, slice) else which
        found = np.empty((len(places), self.shape[1]), dtype=np.float32)
        owners = np.searchsorted(self._starts, places, side="right") - 1
        for group in np.unique(owners).tolist():
            own = owners == group
            found[own] = self._group(group)[places[own] - self._starts[group]]
        return found

    def _read(self, number: int) -> NDArray[np.float32]:
        """Vectors of a group that are usable."""
        path, group = self._groups[number]
        with files.opened(path, ()) as stored:
            table = stored.read_row_group(group)
        return vectors.of_table(path, table, self._key, self._name)[1].astype(np.float32, copy=False)
