from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.store import files, schemas, vectors


def write(path: Path, names: list[str], array: np.ndarray) -> Path:
    vectors.write(path, names, array, schemas.tokens(array.shape[1]))
    return path


def test_vectors_come_back_as_written_and_in_the_order_of_the_files(tmp_path: Path) -> None:
    first = write(tmp_path / "1.parquet", ["b", "a"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    second = write(tmp_path / "0.parquet", ["c"], np.array([[5, 6]], dtype=np.float32))
    names, array = vectors.read([first, second], "image_id", "token")
    assert names == ["b", "a", "c"]
    assert array.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert array.dtype == np.float32


def test_rows_that_failed_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    write_features(path, ["a", "bad", "c"], ["ok", "truncated", "ok"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    names, array = vectors.read([path], "image_id", "feature")
    assert names == ["a", "c"]
    assert array.tolist() == [[1, 2], [3, 4]]


def test_taken_rows_follow_the_wanted_keys_with_repeats() -> None:
    array = np.arange(6).reshape(3, 2)
    assert vectors.take(["a", "b", "c"], array, ["c", "a", "c"], "image", "token").tolist() == [[4, 5], [0, 1], [4, 5]]


def test_a_missing_key_is_an_error_that_counts_and_names() -> None:
    with pytest.raises(CirqueError, match=r"2 of 3 references have no pseudo token \(first: x\)"):
        vectors.take(["a"], np.zeros((1, 2)), ["a", "x", "y", "x"], "reference", "pseudo token")


def test_a_key_that_occurs_twice_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", ["a", "b", "a"], np.ones((3, 2), dtype=np.float32))
    with pytest.raises(CirqueError, match=r"occurs twice \(a\)"):
        vectors.read([path], "image_id", "token")


def test_a_value_that_is_not_finite_is_an_error_that_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", ["a", "b"], np.array([[1, 2], [np.nan, 1]], dtype=np.float32))
    with pytest.raises(CirqueError, match="the token of b is not finite"):
        vectors.read([path], "image_id", "token")


def test_files_of_two_dimensions_do_not_mix(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{dim}.parquet", [str(dim)], np.ones((1, dim), dtype=np.float32)) for dim in (2, 3)]
    with pytest.raises(CirqueError, match=r"tokens of 3 dimensions, but .* has 2"):
        vectors.read(paths, "image_id", "token")


def test_files_without_a_row_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    files.write_rows(path, [], schemas.tokens(4))
    with pytest.raises(CirqueError, match="no token in"):
        vectors.read([path], "image_id", "token")


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", ["a"], np.ones((1, 2), dtype=np.float32))
    with pytest.raises(CirqueError, match="lacks the column image_id or feature"):
        vectors.read([path], "image_id", "feature")


def test_a_column_that_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"image_id": ["a"], "token": [[0.5]]}), path)  # lists, each of a length of its own
    with pytest.raises(CirqueError, match=r"t\.parquet: token holds list<.*, not vectors of one length"):
        vectors.read([path], "image_id", "token")
