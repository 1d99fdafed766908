"""Markdown: what was measured, a line a method, for pages and issues."""

from cirque.report import markdown
from tests.report.test_layout import ROWS, row


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_line_holds_the_figures_of_a_method_and_the_interval_of_the_headline():
    rows = [row(metric="R@1", measured=20.0), row(metric="R@10", measured=50.0, ci_low=45.0, ci_high=55.0)]
    heading, rule, line = markdown.show(rows).splitlines()
    assert cells(heading)[2:] == ["R@1", "R@10", "95 % interval of R@10"]
    assert rule == "|---|---|--:|--:|--:|"
    assert cells(line)[2:] == ["20.00", "50.00", "45.0–55.0"]


def test_only_what_was_measured_is_shown():
    text = markdown.show(ROWS)
    assert "SEARLE" in text
    assert "PALAVRA" not in text
    assert "24.00" not in text


def test_one_benchmark_of_several_can_be_chosen():
    rows = [row(split="val", benchmark="cirr_val"), row(split="test1", benchmark="cirr_test1", measured=12.34)]
    assert "CIRR test1 (`cirr_test1`):" in markdown.show(rows)
    alone = markdown.show(rows, "cirr_test1")
    assert alone.count("|---|") == 1
    assert "12.34" in alone


def test_several_seeds_show_their_deviation():
    heading, _, line = markdown.show([row(metric="R@10", n_seeds=3, std=1.25)]).splitlines()
    assert cells(heading)[-1] == "±"
    assert cells(line)[-1] == "1.25"


def test_a_bar_in_a_name_does_not_end_its_cell():
    assert r"a\|b" in markdown.show([row(row="a|b", paper="", table="")])
