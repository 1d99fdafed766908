"""The CIRR table: each published figure once beside ours, one verdict each, bounds apart, equal inputs equal bytes."""

import copy

import pyarrow as pa
import pytest

from cirque.errors import CirqueError
from cirque.store import files, schemas
from cirque.tables import build as tables
from tests.evaluated import METRICS, NOT_RUN, PUBLISHED, SETTINGS, SQL


def settings(**changes):
    """Settings at the papers' scale, where figures can be compared."""
    return {**copy.deepcopy(SETTINGS), "scale": "paper", "comparable": True, "not_comparable_because": None, **changes}


def measured(method="searle", value=66.8, half=1.4, seed=0, split="test1", backbone="tiny", metric="R@10"):
    return {
        "benchmark": f"cirr_{split}", "split": split, "group": "", "backbone": backbone, "method": method, "seed": seed,
        "metric": metric, "value": value, "ci_low": value - half, "ci_high": value + half, "n_queries": 100,
    }  # fmt: skip


def build(*rows, config=None):
    metrics = pa.Table.from_pylist(list(rows), schema=schemas.METRICS)
    return tables.build(
        "cirr", SQL.read_text(), metrics, tables.read_published(PUBLISHED, NOT_RUN), config or settings()
    ).to_pylist()


def cell(rows, paper="SEARLE", row="SEARLE", backbone="ViT-B/32", metric="R@10"):
    (found,) = [r for r in rows if (r["paper"], r["row"], r["backbone"], r["metric"]) == (paper, row, backbone, metric)]
    return found


def test_every_published_figure_stands_in_it_exactly_once():
    rows = build(measured())
    printed = [(row["paper"], row["table"], row["row"], row["backbone"], row["metric"]) for row in rows if row["paper"]]
    assert len(printed) == len(set(printed)) == 67 + 54 + 40
    assert {row[0] for row in printed} == {"SEARLE", "LinCIR", "Pic2Word"}


def test_a_published_figure_stands_once_for_each_backbone_that_stands_for_the_papers():
    config = settings(backbones={name: {"stands_for": "ViT-B/32"} for name in ("one", "two")})
    config["tables"]["cirr"]["backbones"] = ["one", "two"]
    rows = build(measured(backbone="one"), measured(backbone="two", value=10.0), config=config)
    searle = [row for row in rows if row["paper"] == "SEARLE" and row["row"] == "SEARLE" and row["metric"] == "R@10"]
    assert [(row["model"], row["verdict"]) for row in searle] == [("one", "match"), ("two", "differs")]
    assert len([row for row in rows if row["row"] == "Captioning" and row["metric"] == "R@10"]) == 1


def test_delta_is_measured_minus_published():
    row = cell(build(measured(value=66.0)))
    assert (row["measured"], row["published"], row["delta"]) == (66.0, 66.82, pytest.approx(-0.82))


def test_match_by_tolerance_by_interval_or_by_both():
    near = cell(build(measured(value=66.72, half=0.01)))
    inside = cell(build(measured(value=66.0, half=1.4)))
    both = cell(build(measured(value=66.8)))
    assert {row["verdict"] for row in (near, inside, both)} == {"match"}
    assert near["reason"] == "the published figure is within 0.10 points"
    assert inside["reason"] == "the published figure is inside the 95 % interval 64.60 to 67.40"
    assert both["reason"].endswith("within 0.10 points and inside the 95 % interval 65.40 to 68.20")


def test_differs_says_by_how_much_and_where_to_read_on():
    row = cell(build(measured(value=60.0)))
    assert row["verdict"] == "differs"
    assert row["reason"].startswith("6.82 points below the published figure")
    assert "docs/tables/cirr.md" in row["reason"]
    assert cell(build(measured(value=70.0)))["reason"].startswith("3.18 points above")


def test_at_a_scale_that_is_not_comparable_nothing_matches_or_differs():
    rows = build(measured(), measured(split="val"), config=SETTINGS)
    assert {row["verdict"] for row in rows if row["measured"] is not None} == {"mini"}
    assert all("generated pictures" in row["reason"] for row in rows if row["verdict"] == "mini")
    assert {row["scale"] for row in rows} == {"mini"}


def test_what_is_not_measured_cannot_run_here_and_says_why():
    config = settings()
    config["benchmarks"]["cirr_test1"]["answers"] = "hidden"
    rows = build(config=config)
    assert {row["verdict"] for row in rows} == {"cannot run here"}
    assert all(row["measured"] is None and row["delta"] is None for row in rows)
    assert "its server scores the files of results/scale=paper/submissions" in cell(rows)["reason"]
    assert cell(rows, row="PALAVRA")["reason"] == "this table does not run palavra"
    assert cell(rows, row="Text-only")["reason"] == "this table does not run text-only"
    large = cell(rows, "LinCIR", "SEARLE", "ViT-H/14")
    assert large["reason"] == "this table runs no backbone that stands for ViT-H/14"
    supervised = cell(rows, "Pic2Word", "ARTEMIS (supervised on CIRR)", "")
    assert supervised["reason"].startswith("quoted by the paper: a supervised method")
    config["tables"]["cirr"]["benchmarks"] = ["cirr_val"]
    assert cell(build(config=config))["reason"] == "this table does not run CIRR test1"
    assert cell(build(measured()), metric="R@5")["reason"] == "R@5 is not among the metrics of cirr_test1"


def test_a_published_figure_never_becomes_a_measured_one():
    rows = build(measured(value=12.5))
    assert {row["measured"] for row in rows} == {None, 12.5}


def test_a_bound_is_marked_and_stands_beside_no_published_figure():
    rows = build(measured(method="upper-bound", value=90.0), measured())
    (bound,) = [row for row in rows if row["method"] == "upper-bound"]
    assert (bound["paper"], bound["table"], bound["published"], bound["verdict"]) == ("", "upper bound", None, None)


def test_what_no_paper_prints_has_a_figure_and_no_verdict():
    rows = build(measured(split="val", value=50.0))
    (row,) = [row for row in rows if not row["paper"]]
    assert (row["row"], row["split"], row["measured"], row["verdict"]) == ("SEARLE", "val", 50.0, None)
    assert row["reason"] == "in none of SEARLE Table 2, LinCIR Table 6, Pic2Word main-CIRR (quoted by later papers)"


def test_several_seeds_give_a_mean_a_deviation_and_the_mean_interval():
    rows = build(*(measured(value=value, half=value / 10, seed=seed) for seed, value in enumerate((60.0, 64.0, 68.0))))
    row = cell(rows)
    assert (row["measured"], row["std"], row["n_seeds"]) == (64.0, pytest.approx(4.0), 3)
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(57.6), pytest.approx(70.4))
    assert cell(build(measured()))["std"] is None


def test_equal_inputs_give_equal_bytes_whatever_their_order(tmp_path):
    figures = [
        measured(method, 30.0 + i, seed=seed, split=split, metric=metric)
        for i, metric in enumerate(METRICS)
        for method in ("image-only", "searle", "upper-bound")
        for split in ("val", "test1")
        for seed in (0, 1, 2)
    ]
    for name, rows in (("one", figures), ("other", figures[::-1])):
        files.write_rows(tmp_path / name, build(*rows), schemas.TABLE)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_rows_stand_in_the_papers_order():
    rows = [row for row in build(measured()) if row["metric"] == "R@10"]
    assert [row["row"] for row in rows if row["paper"] == "SEARLE"] == [
        "Image-only", "Text-only", "Image + Text", "Captioning", "PALAVRA", "SEARLE-OTI", "SEARLE",
        "Pic2Word", "SEARLE-XL-OTI", "SEARLE-XL",
    ]  # fmt: skip


def test_a_query_that_does_not_run_or_has_other_columns_is_refused():
    empty = schemas.METRICS.empty_table()
    with pytest.raises(CirqueError, match=r"does not run: .*nonsense"):
        tables.build("cirr", "SELECT nonsense", empty, tables.read_published([]), settings())
    with pytest.raises(CirqueError, match="must give the columns paper, table"):
        tables.build("cirr", "SELECT 1 AS paper", empty, tables.read_published([]), settings())
