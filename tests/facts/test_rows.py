"""Facts beside the papers': each published figure once, equal where it is printed so, and sizes of real annotations."""

import copy

import pyarrow as pa
import pytest

from cirque import datasets
from cirque.errors import CirqueError
from cirque.facts import rows as facts
from cirque.facts import sizes
from cirque.store import schemas
from cirque.tables import build as tables
from tests.evaluated import PUBLISHED, REPOSITORY, SETTINGS


def settings(**changes):
    """Settings of tables of facts at the papers' scale."""
    config = copy.deepcopy(SETTINGS) | {"scale": "paper", "comparable": True, "not_comparable_because": None}
    large = {"benchmarks": [], "backbones": ["large"], "methods": []}
    config["tables"] = {
        "pic2word_datasets": {**large, "backbones": [], "benchmarks": ["cirr_test1"]},
        "pic2word_network": large,
        "lincir_backbones": large,
        "lincir_gap": {"benchmarks": ["cirr_val"], "backbones": ["large"], "methods": ["lincir"]},
    }
    config["backbones"] = {"large": {"stands_for": "ViT-L/14", "model": "ViT-L-14"}}
    config["methods"] = {"lincir": {"label": "LinCIR"}}
    return config | changes


def build(table, *rows, metrics=(), config=None):
    sql = (REPOSITORY / f"workflow/tables/table_{table}.sql").read_text()
    figures = pa.Table.from_pylist(list(metrics), schema=schemas.METRICS)
    stated = pa.Table.from_pylist(list(rows), schema=schemas.FACTS)
    return tables.build(
        table, sql, figures, tables.read_published(PUBLISHED), config or settings(), stated=stated
    ).to_pylist()


def gap(value, row="No noise", half=0.01, **changes):
    about = {"dataset": "CC3M", "split": "train", "row": row, "backbone": "large"}
    return facts.fact("modality_gap", value, **{**about, "ci_low": value - half, "ci_high": value + half, **changes})


def cell(rows, **wanted):
    (found,) = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return found


@pytest.mark.parametrize(
    ("table", "paper", "printed", "n_figures"),
    [
        ("pic2word_datasets", "Pic2Word-supp", "Table 1", 12),
        ("pic2word_network", "Pic2Word-supp", "Table 2", 8),
        ("lincir_backbones", "LinCIR", "Table 2", 24),
        ("lincir_gap", "LinCIR", "Table 1", 42),
    ],
)
def test_every_published_figure_stands_in_it_exactly_once(table, paper, printed, n_figures):
    keys = ("paper", "table", "row", "backbone", "dataset", "split", "subset", "metric", "published")
    rows = [tuple(row[key] for key in keys) for row in build(table, gap(0.8), gap(0.7, "Student-t"))]
    published = [
        tuple(row[{"published": "value"}.get(key, key)] for key in keys)
        for row in tables.read_published(PUBLISHED).to_pylist()
        if (row["paper"], row["table"]) == (paper, printed)
    ]
    assert len(published) == n_figures
    assert sorted(row for row in rows if row[0]) == sorted(published)


def test_counts_match_only_when_they_are_equal():
    about = {"dataset": "CIRR", "split": "test1"}
    rows = build(
        "pic2word_datasets",
        facts.fact("query_images", 4148, **about),
        facts.fact("candidate_images", 2316, **about),
    )
    queries, candidates = (cell(rows, dataset="CIRR", metric=name) for name in ("query_images", "candidate_images"))
    assert (queries["measured"], queries["delta"], queries["verdict"]) == (4148, 0, "match")
    assert queries["reason"] == "the published figure is the same"
    assert queries["benchmark"] == "cirr_test1"
    assert (candidates["delta"], candidates["verdict"]) == (1, "differs")
    known = "see docs/tables/pic2word_datasets.md#known-differences"
    assert candidates["reason"] == f"1 above the published figure; {known}"


def test_a_subset_is_found_by_its_group():
    about = {"dataset": "FashionIQ", "split": "val", "subset": "dress"}
    rows = build("pic2word_datasets", facts.fact("query_images", 2017, **about))
    (row,) = [row for row in rows if row["measured"] is not None]
    assert (row["subset"], row["published"], row["verdict"]) == ("Dress", 2017, "match")


@pytest.mark.parametrize(
    ("value", "half", "verdict", "reason"),
    [
        (0.8149, 0.001, "match", "the published figure is the same as far as it is printed"),
        (0.83, 0.03, "match", "the published figure is inside the 95 % interval 0.800 to 0.860"),
        (0.83, 0.01, "differs", "0.02 above the published figure, which is outside the 95 % interval 0.820 to 0.840"),
    ],
)
def test_a_gap_matches_by_its_last_place_or_by_its_interval(value, half, verdict, reason):
    row = cell(build("lincir_gap", gap(value, half=half)), row="No noise", model="large", metric="modality_gap")
    assert (row["published"], row["verdict"]) == (0.81, verdict)
    assert row["reason"].startswith(reason)


def test_a_figure_without_a_fact_cannot_run_here_and_says_why():
    rows = build("lincir_backbones")
    assert {row["verdict"] for row in rows} == {"cannot run here"}
    at = {"subset": "visual encoder", "backbone": "ViT-L/14"}
    assert "a V100" in cell(rows, **at, metric="throughput_per_s_1xV100_fp16")["reason"]
    assert cell(rows, **at, metric="layers")["reason"] == "this table states no layers of COCO CLIP"
    other = cell(rows, subset="visual encoder", backbone="ViT-H/14", metric="layers")
    assert other["reason"] == "this table runs no backbone that stands for ViT-H/14"


def test_at_a_scale_that_is_not_comparable_nothing_matches_or_differs():
    config = settings(scale="mini", comparable=False, not_comparable_because="generated pictures")
    row = cell(build("lincir_gap", gap(0.81), config=config), row="No noise", metric="modality_gap", model="large")
    assert (row["verdict"], row["reason"], row["scale"]) == ("mini", "generated pictures", "mini")


def test_a_fact_that_no_paper_prints_comes_last_without_a_verdict():
    about = {"dataset": "COCO", "subset": "visual encoder", "row": "CLIP", "backbone": "large"}
    rows = build("lincir_backbones", facts.fact("images_per_s_here", 3.5, **about), facts.fact("layers", 24, **about))
    assert cell(rows, metric="layers", measured=24.0)["verdict"] == "match"
    last = rows[-1]
    assert (last["paper"], last["backbone"], last["model"], last["measured"]) == ("", "ViT-L/14", "large", 3.5)
    assert (last["verdict"], last["reason"]) == (None, "in none of LinCIR Table 2")


def test_the_gap_table_holds_gaps_first_and_then_r1_in_the_papers_order():
    r1 = {
        "benchmark": "cirr_val", "split": "val", "group": "", "backbone": "large", "method": "lincir", "seed": 0,
        "metric": "R@1", "value": 25.4, "ci_low": 24.0, "ci_high": 26.8, "n_queries": 100,
    }  # fmt: skip
    rows = build("lincir_gap", gap(0.81), metrics=[r1, {**r1, "metric": "R@5"}])
    assert [row["metric"] for row in rows] == ["modality_gap"] * 21 + ["R@1"] * 21
    assert [row["row"] for row in rows[:7]] == [row["row"] for row in rows[21:28]]
    ours = cell(rows, metric="R@1", model="large", method="lincir")
    assert (ours["measured"], ours["published"], ours["verdict"]) == (25.4, 25.5, "match")


def test_two_facts_about_the_same_thing_are_refused():
    with pytest.raises(CirqueError, match="stated twice: CC3M train No noise large modality_gap"):
        build("lincir_gap", gap(0.81), gap(0.82))


# ---- sizes of sets -------------------------------------------------------------------------------------------------


def size(queries, gallery, candidates=None):
    asked = pa.table({"group": queries, "candidate_ids": pa.array([candidates] * len(queries), schemas.STRINGS)})
    return sizes.set_sizes(asked, pa.table({"group": gallery}), "cirr_val")


def test_groups_with_galleries_are_counted_apart():
    assert size(["b", "a", "b"], ["a", "a", "b"]) == {"b": (2, 1), "a": (1, 2)}


def test_of_groups_that_share_a_gallery_one_is_counted():
    assert size(["a", "a", "b", "b"], ["", "", ""]) == {"": (2, 3)}


@pytest.mark.parametrize(
    ("queries", "gallery", "candidates", "reason"),
    [
        (["a", "a", "b"], ["", ""], None, "groups of unequal size share one gallery"),
        (["a"], ["a", "b"], None, "queries are of the groups a, the gallery is of a, b"),
        ([""], [""], ["one"], "queries have galleries of their own"),
        ([], [""], None, "queries are of the groups none"),
    ],
)
def test_sets_that_have_no_one_size_are_refused(queries, gallery, candidates, reason):
    with pytest.raises(CirqueError, match=f"cirr_val: {reason}"):
        size(queries, gallery, candidates)


@pytest.mark.parametrize("dataset", ["cirr", "fashioniq", "imagenet_r"])
def test_real_annotations_have_the_sizes_that_pic2word_prints(annotations, dataset):
    split = {"cirr": "test1"}.get(dataset, "val")
    if not all((annotations / file).is_file() for file in datasets.load(dataset).annotation_files(split).values()):
        pytest.skip(f"real annotation files of {dataset} are not in {annotations}")
    benchmark = datasets.load_benchmark(dataset)
    groups = [group for _, group in datasets.gallery(dataset, annotations, split)]
    queries = pa.Table.from_pylist(benchmark.queries(annotations, split), schema=schemas.QUERIES)
    found = sizes.set_sizes(queries, pa.table({"group": groups}), dataset)
    printed = {
        (row["subset"].lower(), row["metric"]): row["value"]
        for row in tables.read_published(PUBLISHED).to_pylist()
        if (row["paper"], row["table"], row["dataset"]) == ("Pic2Word-supp", "Table 1", benchmark.TITLE)
    }
    assert {(group, metric): value for group, found in found.items() for metric, value in zip(
        ("query_images", "candidate_images"), found, strict=True
    )} == printed  # fmt: skip
