"""The stages table, report, show and database on a small evaluated benchmark."""

import os

import duckdb
import pytest

from cirque.store import files, schemas
from tests.evaluated import PUBLISHED, SCALE, SQL, inside, run

TABLE = SCALE / "table_cirr.parquet"


def test_a_table_fits_its_schema_and_holds_every_run(evaluated):
    with inside(evaluated):
        table = files.read_table(TABLE)
    assert table.schema.equals(schemas.TABLE)
    measured = {(row["split"], row["method"]) for row in table.to_pylist() if row["measured"] is not None}
    assert measured == {
        (split, method) for split in ("val", "test1") for method in ("image-only", "searle", "upper-bound")
    }


def test_a_missing_query_or_settings_is_refused_by_name(evaluated, tmp_path, capsys):
    metrics = sorted((evaluated / SCALE).glob("metrics/**/metrics.parquet"))
    words = ["--name", "cirr", "--metrics", *metrics, "--published", *PUBLISHED, "--output", tmp_path / "table"]
    settings = evaluated / SCALE / "settings.json"
    assert run("build_table", *words, "--sql", tmp_path / "none.sql", "--settings", settings) == 1
    assert "none.sql: no such file" in capsys.readouterr().err
    assert run("build_table", *words, "--sql", SQL, "--settings", tmp_path / "none.json") == 1
    assert "none.json: no such file" in capsys.readouterr().err
    assert not (tmp_path / "table").exists()


def test_a_page_of_an_empty_table_is_refused(tmp_path, capsys):
    files.write_rows(tmp_path / "table.parquet", [], schemas.TABLE)
    words = ["--table", tmp_path / "table.parquet", "--settings", tmp_path / "settings.json"]
    assert run("write_page", *words, "--output", tmp_path / "page.html") == 1
    assert "holds no figure" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_show_prints_the_table_and_ends_with_the_path_of_its_page(evaluated, capsys):
    with inside(evaluated):
        assert run("show", "--table", TABLE) == 0
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert any(line.startswith("Image-only") and "measured" in line for line in lines)
    assert lines[-1].endswith("results/scale=mini/table_cirr.html")


@pytest.mark.parametrize("before", [b"", b"cut short"])
def test_a_database_is_written_anew_whatever_a_kill_left(evaluated, tmp_path, before):
    database = tmp_path / "cirque.duckdb"
    (tmp_path / f".cirque.duckdb.{os.getpid()}.part").write_bytes(before)
    with inside(evaluated):
        assert run("create_database", "--results", "results", "--published", *PUBLISHED, "--output", database) == 0
        assert {path.name for path in tmp_path.iterdir()} == {"cirque.duckdb", "cirque.duckdb.run.json"}
        with duckdb.connect(database, read_only=True) as opened:
            assert opened.execute("SELECT count(*) FROM published").fetchone() > (0,)


def test_a_database_that_cannot_be_made_leaves_the_former_one(evaluated, tmp_path, capsys, monkeypatch):
    database = tmp_path / "cirque.duckdb"
    database.write_bytes(b"former")
    monkeypatch.setattr("cirque.tables.database.write_placeholders", lambda results: None)
    assert run("create_database", "--results", tmp_path, "--published", *PUBLISHED, "--output", database) == 1
    assert "could not be written" in capsys.readouterr().err
    assert database.read_bytes() == b"former"
    assert [path.name for path in tmp_path.iterdir()] == ["cirque.duckdb"]
