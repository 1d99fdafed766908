"""export: a table for a paper, a spreadsheet or an issue."""

import csv
import io

import pytest

from cirque.store import files, schemas
from tests.evaluated import SCALE, inside, run

TABLE = SCALE / "table_cirr.parquet"


@pytest.fixture
def project(evaluated):
    with inside(evaluated):
        yield


def export(capsys, *words):
    status = run("export", TABLE, *words)
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def test_csv_holds_every_row_and_column(project, capsys):
    status, out, _ = export(capsys, "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    table = files.read_table(TABLE).to_pylist()
    assert list(rows[0]) == schemas.TABLE.names
    assert [(row["row"], row["metric"]) for row in rows] == [(row["row"], row["metric"]) for row in table]


@pytest.mark.parametrize(("format", "words"), [("latex", r"\toprule"), ("markdown", "| backbone | method |")])
def test_a_layout_is_printed_or_written_whole_to_a_file(project, capsys, tmp_path, format, words):
    status, out, _ = export(capsys, "--format", format)
    assert status == 0
    assert words in out
    path = tmp_path / "table.txt"
    assert export(capsys, "--format", format, "--output", path)[0] == 0
    assert path.read_text(encoding="utf-8") == out


def test_an_option_of_another_format_is_refused(project, capsys):
    status, _, err = export(capsys, "--format", "csv", "--published", True)
    assert status == 1
    assert "--aside and --published are LaTeX's" in err
