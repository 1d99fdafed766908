"""The terminal: the paper's layout in 120 columns, plain when piped, no digit cut off on a narrow one."""

import io

import pytest
from rich.console import Console

from cirque.report import terminal
from tests.report.test_layout import ROWS, fact, row


def shown(rows, width=terminal.WIDTH):
    stream = io.StringIO()
    terminal.show(rows, Console(file=stream, width=width))
    return stream.getvalue()


METRICS = ["R@1", "R@5", "R@10", "R@50", "R_subset@1", "R_subset@2", "R_subset@3"]


def test_measured_interval_and_published_stand_side_by_side():
    lines = [line.split() for line in shown(ROWS).splitlines()]
    at = lines.index(["SEARLE", "measured", "50.00", "70.00"])
    assert lines[at + 1] == ["95", "%", "interval", "45.0–55.0", "45.0–55.0"]
    assert lines[at + 2] == ["SEARLE", "Table", "2", "24.00", "24.00", "mini"]


def test_a_pipe_gets_plain_text_of_at_most_120_columns():
    text = shown([row(metric=metric, measured=99.99, ci_low=98.0, ci_high=100.0) for metric in METRICS])
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_tag_is_stated_in_words_below_its_metric():
    assert terminal.heading("R_subset@1") == "R_subset@1"
    lines = [line.split() for line in shown([row(metric="mAP@10[compare_change]")]).splitlines()]
    at = lines.index(["mAP@10"])
    assert lines[at + 1] == ["compare"]
    assert "change" in lines[at + 2]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_gets_the_metrics_in_pieces_with_every_digit(width):
    text = shown([row(metric=metric, measured=10.0 + i) for i, metric in enumerate(METRICS)], width)
    assert "…" not in text
    assert all(f"{10 + i}.00" in text for i in range(len(METRICS)))
    assert max(map(len, text.splitlines())) <= width


def test_it_tells_the_reasons_and_the_papers_own_names():
    text = shown(ROWS)
    assert "cannot run here: no PALAVRA; no LinCIR" in text
    assert "SEARLE-XL" in text
    assert "upper bound" in text


def test_several_seeds_show_their_deviation():
    assert "± 3 seeds" in shown([row(n_seeds=3, std=1.25)])
    assert "1.25" in shown([row(n_seeds=3, std=1.25)])


def test_facts_are_shown_in_their_own_unit_and_columns_as_wide_as_their_names():
    text = shown([fact("candidate_images", 3817.0, subset=name) for name in ("Dress", "Shirt", "Toptee")])
    lines = text.splitlines()
    assert "…" not in text
    assert max(map(len, lines)) <= 120
    assert ["data", "set", "measured", "3,817", "3,817", "3,817"] in [line.split() for line in lines]
    assert "%" not in text
