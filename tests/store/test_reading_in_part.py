"""A reader of some rows reads their groups alone, and refuses what was altered of them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cirque.errors import CirqueError
from cirque.store import files, provenance, schemas

NAMES = [f"concept {number}" for number in range(20)]
SCHEMA = schemas.phrase_features(64)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of twenty groups with its record."""
    path = tmp_path / "features.parquet"
    drawn = np.random.default_rng(0).normal(size=(len(NAMES), 40, 64)).astype(np.float32)
    rows = [{"concept": name, "features": own.tolist()} for name, own in zip(NAMES, drawn, strict=True)]
    files.write_rows(path, rows, SCHEMA, schemas.CONCEPTS_OF_A_GROUP)
    provenance.write_records("encode_phrases", [], 0.0)
    return path


def altered(path: Path, place: int) -> None:
    """Flip a bit."""
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(bytes(data))


def group_of(path: Path, name: str) -> range:
    """Where the vectors of a concept lie in the file."""
    column = pq.ParquetFile(path).metadata.row_group(NAMES.index(name)).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    return range(start, start + column.total_compressed_size)


def test_the_rows_asked_for_come_in_the_files_order(written: Path):
    found = files.read_where(written, ["concept", "features"], "concept", {"concept 7", "concept 3", "no such"})
    assert found["concept"].to_pylist() == ["concept 3", "concept 7"]
    assert found.equals(
        pa.concat_tables([files.read_table(written).slice(3, 1), files.read_table(written).slice(7, 1)])
    )


def test_no_row_asked_for_is_no_row(written: Path):
    assert files.read_where(written, ["features"], "concept", []).num_rows == 0


def test_groups_that_are_not_asked_for_are_not_read(written: Path):
    for place in group_of(written, "concept 12")[::97]:
        altered(written, place)
    assert files.read_where(written, ["features"], "concept", {"concept 3"}).num_rows == 1
    with pytest.raises(CirqueError, match="altered since it was made"):
        files.read_table(written)


def test_whatever_is_altered_in_a_group_that_is_asked_for_is_refused(written: Path):
    whole = written.read_bytes()
    for place in group_of(written, "concept 12")[::97]:
        altered(written, place)
        with pytest.raises(CirqueError, match="altered since it was made"):
            files.read_where(written, ["features"], "concept", {"concept 12"})
        written.write_bytes(whole)


def test_an_altered_footer_is_refused(written: Path):
    size = written.stat().st_size
    length = int.from_bytes(written.read_bytes()[-8:-4], "little")
    for place in (size - 8 - length, size - 8 - length // 2, size - 9, size - 5):
        before = written.read_bytes()
        altered(written, place)
        with pytest.raises(CirqueError, match="altered since it was made"):
            files.read_where(written, ["features"], "concept", {"concept 3"})
        written.write_bytes(before)


def test_a_cut_file_and_another_stages_file_are_refused(written: Path, tmp_path: Path):
    whole = written.read_bytes()
    written.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CirqueError, match="altered since it was made"):
        files.read_where(written, ["features"], "concept", {"concept 3"})
    other = tmp_path / "other.parquet"
    rows = [{"concept": name, "features": [[0.0] * 64] * 40} for name in NAMES[::-1]]
    files.write_rows(other, rows, SCHEMA, schemas.CONCEPTS_OF_A_GROUP)
    written.write_bytes(other.read_bytes())
    with pytest.raises(CirqueError, match="altered since it was made"):
        files.read_where(written, ["features"], "concept", {"concept 3"})


def test_a_file_without_a_record_is_read(tmp_path: Path):
    path = tmp_path / "own.parquet"
    pq.write_table(pa.table({"concept": ["a", "b"], "phrases": [["a 1"], ["b 1"]]}), path)
    assert files.read_where(path, ["phrases"], "concept", {"b"})["phrases"].to_pylist() == [["b 1"]]


def test_a_column_that_is_not_there_is_named(written: Path):
    with pytest.raises(CirqueError, match="lacks the column phrases; it has concept, features"):
        files.read_where(written, ["phrases"], "concept", {"concept 3"})
