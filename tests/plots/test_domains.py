"""Bars by group of queries: measured figures with intervals, published ones as marks where there is a bar."""

from pathlib import Path

import pytest

from cirque import plots
from cirque.errors import CirqueError
from cirque.plots import domains
from cirque.report import figure
from tests.report.test_layout import ours, quoted, row

TABLE = Path("results/scale=mini/table_imagenet_r.parquet")


def printed(subset, metric="R_all@10", **changes):
    about = {"paper": "Pic2Word", "table": "main", "row": "Pic2Word", "method": "pic2word", "dataset": "ImageNet-R"}
    return row(**{**about, "split": "val", "subset": subset, "metric": metric, **changes})


def alone(method, subset, metric="R_all@10", **changes):
    return ours(method, method.upper(), dataset="ImageNet-R", split="val", subset=subset, metric=metric, **changes)


ROWS = [
    printed("Cartoon"), printed("Average", measured=40.0), printed("Cartoon", metric="R_all@50", published=30.0),
    quoted("Combiner", dataset="ImageNet-R", split="val", subset="Cartoon", metric="R_all@10"),
    alone("searle", "Cartoon"), alone("upper-bound", "Cartoon", table="upper bound"),
]  # fmt: skip


def rows(of_table=ROWS, metrics=("R_all@10",)):
    return domains.rows(plots.Inputs({"metrics": list(metrics)}, {TABLE: of_table}))


def test_every_measured_figure_of_a_metric_is_a_bar_and_a_published_one_a_mark():
    found = [(row["method"], row["subset"], row["source"], row["value"], row["ci_low"]) for row in rows()]
    assert found == [
        ("pic2word", "Cartoon", "", 50.0, 45.0),
        ("pic2word", "Cartoon", "Pic2Word main", 24.0, None),
        ("pic2word", "Average", "", 40.0, 45.0),
        ("pic2word", "Average", "Pic2Word main", 24.0, None),
        ("searle", "Cartoon", "", 50.0, 45.0),
        ("upper-bound", "Cartoon", "", 50.0, 45.0),
    ]


def test_a_metric_that_was_not_measured_by_group_is_refused():
    with pytest.raises(CirqueError, match=r"R@1 was measured in no subset of .*table_imagenet_r\.parquet"):
        rows(of_table=[*ROWS, alone("searle", "", metric="R@1")], metrics=["R_all@10", "R@1"])


def test_panels_groups_and_bars_are_labelled():
    drawing = domains.draw(rows(metrics=["R_all@10", "R_all@50"]))
    assert [axes.get_ylabel().split(",")[0] for axes in drawing.axes] == ["R_all@10", "R_all@50"]
    assert [label.get_text() for label in drawing.axes[0].get_xticklabels()] == ["Cartoon", "Average"]
    legend = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert legend == ["Pic2Word", "SEARLE", "UPPER-BOUND", "published, Pic2Word main"]
    heights = [round(bar.get_height(), 6) for bar in drawing.axes[0].patches]
    assert heights == [50.0, 40.0, 50.0, 50.0]
    intervals = [list(line.get_ydata()) for line in drawing.axes[0].lines if line.get_color() == figure.INK]
    assert intervals == [[45.0, 55.0]] * 4
