"""Rows of several files, whatever their groups, are those of one array."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.store import files, schemas, vector_rows, vectors
from cirque.store.vector_rows import VectorRows

DIM = 3


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Three files of eleven, none and six usable rows, in groups of four."""
    generator = np.random.default_rng(0)
    made = []
    for number, (n, failed) in enumerate([(12, {5}), (4, {0, 1, 2, 3}), (6, set())]):
        names = [f"{number}-{row}" for row in range(n)]
        statuses = ["unreadable" if row in failed else "ok" for row in range(n)]
        array = generator.normal(size=(n - len(failed), DIM)).astype(np.float32)
        made.append(tmp_path / f"{number}.parquet")
        write_features(made[-1], names, statuses, array)
        table = files.read_table(made[-1])
        files.write_table(made[-1], table, schemas.features(DIM), rows_of_a_group=4)
    return made


def test_rows_are_those_of_the_array_of_all_files(paths: list[Path]) -> None:
    names, array = vectors.read(paths, "image_id", "feature")
    rows = VectorRows(paths, "image_id", "feature")
    assert rows.names.to_pylist() == names
    assert (len(rows), rows.shape) == (17, (17, DIM))
    for start in range(18):
        for end in range(start, 18):
            assert np.array_equal(rows[start:end], array[start:end])
    chosen = np.array([0, 4, 10, 11, 16])
    assert np.array_equal(rows[chosen], array[chosen])
    assert rows[0:0].shape == (0, DIM)


def test_a_group_is_read_once_where_slices_follow_each_other(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = VectorRows(paths, "image_id", "feature")
    read: list[int] = []
    original = vectors.of_table
    monkeypatch.setattr(vector_rows.vectors, "of_table", lambda *given: read.append(1) or original(*given))
    for start in range(0, 17, 3):
        rows[start : start + 3]
    assert len(read) == 5  # of six groups, one of which has no usable row


def test_files_of_another_kind_and_without_a_row_are_refused(paths: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    write_features(other, ["a"], ["ok"], np.ones((1, 5), np.float32))
    with pytest.raises(CirqueError, match=r"other.parquet: features of 5 dimensions, but .*0.parquet has 3"):
        VectorRows([*paths, other], "image_id", "feature")
    with pytest.raises(CirqueError, match="no feature in"):
        VectorRows(paths[1:2], "image_id", "feature")
    with pytest.raises(CirqueError, match="lacks the column image_id or token"):
        VectorRows(paths, "image_id", "token")
    with pytest.raises(CirqueError, match=r"nowhere.parquet: no such file"):
        VectorRows([tmp_path / "nowhere.parquet"], "image_id", "feature")


def test_a_value_that_is_not_finite_is_refused_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    rows = pa.table([["a", "b"], vectors.column(np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 0.0]])), ["ok", "ok"]],
                    schema=schemas.features(DIM))  # fmt: skip
    files.write_table(path, rows, schemas.features(DIM))
    with pytest.raises(CirqueError, match=r"f.parquet: the feature of b is not finite"):
        VectorRows([path], "image_id", "feature")[0:2]
