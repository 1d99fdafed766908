"""The documentation's figures: each block is of a table that the configuration makes, and the script fills it."""

import re
import runpy
from types import SimpleNamespace

import pytest

from cirque.families import PREPROCESSINGS
from cirque.store import files, schemas
from tests.configurations import configured
from tests.conftest import REPOSITORY
from tests.report.test_layout import row

MINI, PAPER = configured("config"), configured("paper")


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


# ---- what a page says beside the configuration -----------------------------------------------------------------------

LOSSES = {"batch-softmax": "batch softmax", "soft-triplet-released": "soft triplet (K = 2) as released"}


def cells(page: str, title: str) -> list[str]:
    """The cells of a table's line by its first one."""
    (line,) = re.findall(rf"^\| {re.escape(title)} \|(.*)\|$", page, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


@pytest.mark.parametrize(
    ("title", "training"), [("Fashion200k", "fashion200k"), ("MIT-States", "mitstates"), ("CSS", "css_3d")]
)
def test_the_page_of_tirgs_training_names_the_losses_of_both_scales(title: str, training: str) -> None:
    page = (REPOSITORY / "docs/tables/tirg_fashion200k.md").read_text(encoding="utf-8")
    of_papers, of_mini = cells(page, f"loss, {title}")
    expected = [LOSSES[scale["trainings"][training]["loss"]] for scale in (PAPER, MINI)]
    assert of_papers.startswith(expected[0])
    assert of_mini.startswith("likewise" if expected[0] == expected[1] else expected[1])


def test_the_page_of_tirgs_training_names_the_papers_settings() -> None:
    page = (REPOSITORY / "docs/tables/tirg_fashion200k.md").read_text(encoding="utf-8")
    entry, of_css = PAPER["trainings"]["fashion200k"], PAPER["trainings"]["css_3d"]
    assert cells(page, "steps, batch, d")[0] == f"{entry['steps']:,}, {entry['batch']}, {entry['dim']}"
    assert cells(page, "schedule")[0] == f"a tenth every {entry['decay_every']:,} steps; CSS {of_css['schedule']}"
    starts = [scale["trainings"]["fashion200k"]["residual_start"] for scale in (PAPER, MINI)]
    printed = cells(page, "a₁ of TIRG at the start")
    assert [words.split(",")[0].split(":")[0] for words in printed] == [f"{start:g}" for start in starts]
    assert entry["trunk_rate"] == entry["learning_rate"] / 10
    assert of_css["trunk_rate"] == of_css["learning_rate"]


def test_the_page_of_data_names_the_sizes_of_css() -> None:
    page = (REPOSITORY / "docs/data.md").read_text(encoding="utf-8")
    of_mini, of_papers = ("{width} × {height}".format(**scale["css"]) for scale in (MINI, PAPER))
    assert f"{of_mini} pixels of {MINI['css']['samples']} samples at the mini scale" in page
    assert f"{of_papers} of {PAPER['css']['samples']} at the papers'" in page
    for scale in (MINI, PAPER):
        for name in ("css_train_3d", "css_test_3d"):
            assert f"| {scale['image_sets'][name]['n_images']:,} |" in page


def test_every_preprocessing_has_a_line_on_the_page_of_the_data() -> None:
    page = (REPOSITORY / "docs/data.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"\| name \| picture \|\n\|---\|---\|\n((?:\|.*\n)+)", page)
    names = [name for line in listed.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(names) == PREPROCESSINGS.names()
