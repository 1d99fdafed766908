import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cirque.errors import CirqueError
from cirque.store import provenance, schemas, vectors
from cirque.store.files import atomic, read_json, read_table, write_rows

PHRASE = [{"concept": "star", "phrases": ["a photo of star that shines"]}]


def test_what_is_written_is_read(tmp_path: Path):
    write_rows(tmp_path / "deep/phrases.parquet", PHRASE, schemas.PHRASES)
    assert read_table(tmp_path / "deep/phrases.parquet").to_pylist() == PHRASE


def test_equal_rows_give_equal_bytes(tmp_path: Path):
    for name in ("a", "b"):
        write_rows(tmp_path / name, PHRASE, schemas.PHRASES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_error_while_writing_leaves_the_former_file_and_nothing_else(tmp_path: Path):
    path = tmp_path / "phrases.parquet"
    write_rows(path, PHRASE, schemas.PHRASES)
    before = path.read_bytes()

    def fail() -> None:
        with atomic(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["phrases.parquet"]


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path):
    kill_oneself = (
        "import os, signal, sys; from pathlib import Path; from cirque.store.files import atomic\n"
        "with atomic(Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", kill_oneself, str(tmp_path / "x.json")], check=False)
    assert len(list(tmp_path.glob(".x.json.*.part"))) == 1
    with atomic(tmp_path / "x.json") as partial:
        partial.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_rows_that_do_not_fit_the_schema_are_refused(tmp_path: Path):
    with pytest.raises(pa.ArrowException):
        write_rows(tmp_path / "x.parquet", [{"concept": "star", "phrases": 3}], schemas.PHRASES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
def test_damaged_parquet_names_the_file_and_the_cure(tmp_path: Path, damage: str):
    path = tmp_path / "phrases.parquet"
    write_rows(path, PHRASE * 1000, schemas.PHRASES)
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[:-20], "altered": whole[:-30] + os.urandom(30), "empty": b""}[damage])
    with pytest.raises(CirqueError, match=r"phrases.parquet: not a whole Parquet file.*put a whole file in its place"):
        read_table(path)
    stated = {"output": {"sha256": hashlib.sha256(whole).hexdigest()}}
    provenance.record_path(path).write_text(json.dumps(stated))  # a stage made it
    with pytest.raises(CirqueError, match=r"phrases.parquet: altered since it was made; delete it and run Snakemake"):
        read_table(path)


def test_a_flipped_bit_is_refused_wherever_the_values_lie(tmp_path: Path):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((400, 16)).astype(np.float32)
    path = tmp_path / "tokens.parquet"
    vectors.write(path, [f"i{n:03d}" for n in range(400)], features, schemas.tokens(16))
    whole = path.read_bytes()
    for place in range(200, int(len(whole) * 0.9), len(whole) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(CirqueError, match=r"tokens\.parquet: not a whole Parquet file"):
            read_table(path)


def test_missing_column_is_named(tmp_path: Path):
    write_rows(tmp_path / "phrases.parquet", PHRASE, schemas.PHRASES)
    with pytest.raises(CirqueError, match="lacks the column token; it has concept, phrases"):
        read_table(tmp_path / "phrases.parquet", ["token"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": }', "broken JSON at line 1, column 7"),
        ('{"a": "é"}'.encode("latin-1"), "byte 7 is not UTF-8"),
    ],
)
def test_bad_json_says_where(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(CirqueError, match=message):
        read_json(tmp_path / "x.json")


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path):
    (tmp_path / "x.json").write_text('{"a": ' + "9" * 5000 + "}")
    with pytest.raises(CirqueError, match=r"x\.json: holds a number that is too long"):
        read_json(tmp_path / "x.json")
