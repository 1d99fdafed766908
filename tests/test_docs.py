"""The documentation's figures: each block is of a table that the configuration makes, and the script fills it."""

import runpy
from types import SimpleNamespace

import pytest

from cirque.store import files, schemas
from tests.configurations import configured
from tests.conftest import REPOSITORY
from tests.report.test_layout import row

MINI = configured("config")


@pytest.fixture(scope="module")
def fill() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "docs/fill.py")))


def test_every_block_is_of_a_table_and_benchmark_of_the_mini_scale(fill: SimpleNamespace) -> None:
    blocks = [block for page in fill.pages() for block in fill.BLOCK.finditer(page.read_text(encoding="utf-8"))]
    assert blocks
    for block in blocks:
        assert block["table"] in MINI["tables"]
        assert block["benchmark"] in (None, *MINI["tables"][block["table"]]["benchmarks"])


def test_a_block_takes_the_figures_of_its_table(fill: SimpleNamespace, tmp_path) -> None:
    files.write_rows(tmp_path / "table_cirr.parquet", [row(measured=12.34)], schemas.TABLE)
    block = fill.BLOCK.search("<!-- figures:begin cirr -->\nold\n<!-- figures:end -->")
    filled = fill.figures(block, tmp_path)
    assert "12.34" in filled
    assert "old" not in filled


def test_a_block_of_a_table_that_was_not_made_stays_as_it_is(fill: SimpleNamespace, tmp_path, capsys) -> None:
    block = fill.BLOCK.search("<!-- figures:begin cirr -->\nold\n<!-- figures:end -->")
    assert fill.figures(block, tmp_path) == block[0]
    assert "table_cirr.parquet: no such file" in capsys.readouterr().err
