"""Time against score: the times of all jobs, the scores of the tables, and no point that lacks either."""

from pathlib import Path

import pytest

from cirque import plots
from cirque.errors import CirqueError
from cirque.plots import training_time
from tests.report.test_layout import ours, row

CIRR = Path("results/scale=mini/table_cirr.parquet")
SETTINGS = {"scores": {"cirr_val": "R@10"}, "clock": "processor", "networks": {"searle": "searle", "lincir": "lincir"}}


def scored(method, **changes):
    return ours(method, method.upper(), split="val", metric="R@10", **changes)


def time(network, step, seconds, seed=0, backbone="tiny"):
    return {
        "network": network, "backbone": backbone, "seed": seed, "step": step, "n_jobs": 1,
        "seconds": 2.0 * seconds, "processor_seconds": float(seconds),
    }  # fmt: skip


TIMES = [
    time("searle", "invert_images", 80), time("searle", "train_network", 10),
    time("lincir", "tag_captions", 5), time("lincir", "train_network", 20),
]  # fmt: skip
ROWS = [scored("searle"), scored("lincir", measured=60.0), row(), scored("image-text")]


def rows(of_table=ROWS, times=TIMES, **changes):
    return training_time.rows(plots.Inputs({**SETTINGS, **changes}, {CIRR: of_table}, times))


def test_a_training_costs_what_it_depends_on_too():
    found = {row["method"]: (row["training_seconds"], row["total_seconds"], row["measured"]) for row in rows()}
    assert found == {"searle": (10, 90, 50.0), "lincir": (20, 25, 60.0)}


def test_the_clock_is_the_configured_one():
    assert {row["clock"]: row["total_seconds"] for row in rows(clock="wall")} == {"wall": 50.0}
    assert rows(clock="wall")[0]["total_seconds"] == 180


def test_times_of_several_seeds_are_means():
    more = [*TIMES, time("searle", "invert_images", 100, seed=1), time("searle", "train_network", 30, seed=1)]
    searle, lincir = rows(times=more)
    assert (searle["training_seconds"], searle["total_seconds"]) == (20, 110)
    assert lincir["total_seconds"] == 25


def test_a_score_that_no_table_holds_is_refused_with_what_is_missing():
    with pytest.raises(CirqueError, match=r"no table holds R@10 of lincir on cirr_val with tiny"):
        rows(of_table=[scored("searle")])


def test_a_figure_of_a_subset_is_no_score():
    with pytest.raises(CirqueError, match="no table holds R@10 of searle"):
        rows(of_table=[scored("searle", subset="Dress"), scored("lincir")])


def test_without_a_trained_network_there_is_no_plot():
    with pytest.raises(CirqueError, match=r"none of its methods is in run"):
        rows(networks={})


def test_time_is_logarithmic_and_every_method_is_named_with_its_interval():
    drawing = training_time.draw(rows())
    (axes,) = drawing.axes
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "CIRR val"
    assert "seconds of processor time" in axes.get_xlabel()
    assert axes.get_ylabel().startswith("R@10, %")
    assert [text.get_text() for text in drawing.legends[0].get_texts()] == ["SEARLE, tiny", "LINCIR, tiny"]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert ([90, 90], [45.0, 55.0]) in drawn
    assert ([90], [50.0]) in drawn
    assert "not comparable" in drawing.texts[0].get_text()
