"""The layout: methods by backbone in one order, published figures under ours, the bound last."""

import pytest

from cirque.report import layout


def row(**changes):
    return {
        "paper": "SEARLE", "table": "Table 2", "row": "SEARLE", "method": "searle", "backbone": "ViT-B/32",
        "model": "tiny", "dataset": "CIRR", "split": "test1", "subset": "", "metric": "R@1", "measured": 50.0,
        "benchmark": "cirr_" + str(changes.get("split", "test1")),
        "std": None, "n_seeds": 1, "ci_low": 45.0, "ci_high": 55.0, "published": 24.0, "published_std": None,
        "delta": 26.0, "verdict": "mini", "reason": "generated", "scale": "mini", **changes,
    }  # fmt: skip


def quoted(name, **changes):
    common = {"row": name, "method": "", "model": None, "benchmark": "", "measured": None, "verdict": "cannot run here"}
    return row(**{**common, "reason": f"no {name}", **changes})


def ours(method, label, **changes):
    common = {"paper": "", "table": "", "method": method, "row": label, "published": None, "delta": None}
    return row(**{**common, **changes})


ROWS = [
    ours("upper-bound", "Upper bound", table="upper bound"),
    quoted("PALAVRA"),
    row(),
    row(metric="R@5", measured=70.0),
    row(paper="LinCIR", table="Table 6", backbone="ViT-L/14", row="SEARLE-XL", model="large"),
    quoted("LinCIR", paper="LinCIR", table="Table 6", backbone="ViT-H/14"),
    ours("searle", "SEARLE", split="val"),
]


@pytest.fixture
def splits():
    return layout.lay_out(ROWS)


def test_one_split_is_one_table_with_its_sources_and_metrics(splits):
    assert [(split.name, split.sources, split.columns) for split in splits] == [
        ("test1", ["SEARLE Table 2", "LinCIR Table 6"], ["R@1", "R@5"]),
        ("val", [], ["R@1"]),
    ]


def test_backbones_are_blocks_and_the_bound_is_their_last_line(splits):
    blocks = {(block.backbone, block.model): [line.label for line in block.lines] for block in splits[0].blocks}
    assert blocks == {
        ("ViT-B/32", "tiny"): ["PALAVRA", "SEARLE", "Upper bound"],
        ("ViT-L/14", "large"): ["SEARLE"],
        ("ViT-H/14", None): ["LinCIR"],
    }
    assert [block.model for block in splits[0].measured_blocks] == ["tiny", "large"]


def test_a_method_of_ours_keeps_our_label_and_the_papers_name_beside_it(splits):
    (line,) = splits[0].blocks[1].lines
    assert (line.label, line.printed_as) == ("SEARLE", {"LinCIR Table 6": "SEARLE-XL"})


def test_measured_and_published_stand_on_one_line(splits):
    line = splits[0].blocks[0].lines[1]
    assert {metric: figure.value for metric, figure in line.measured.items()} == {"R@1": 50.0, "R@5": 70.0}
    assert line.published["SEARLE Table 2"]["R@1"].value == 24.0


def test_a_verdict_is_one_word_or_counts(splits):
    line = layout.lay_out(
        [row(verdict="match"), row(metric="R@5", verdict="differs"), row(metric="R@10", verdict="match")]
    )
    assert line[0].blocks[0].lines[0].verdict("SEARLE Table 2") == "2 match, 1 differs"
    assert splits[0].blocks[0].lines[0].verdict("SEARLE Table 2") == "cannot run here"


def test_reasons_are_stated_once_for_each_verdict():
    assert layout.reasons(ROWS) == {"cannot run here": ["no PALAVRA", "no LinCIR"], "mini": ["generated"]}


def test_a_difference_is_stated_with_its_figure_and_a_match_needs_no_reason():
    rows = [row(verdict="match", reason="near"), row(metric="R@5", verdict="differs", reason="6.00 points below")]
    assert layout.reasons(rows) == {
        "match": [],
        "differs": ["SEARLE on ViT-B/32, test1 R@5, SEARLE Table 2: 6.00 points below"],
    }


def test_two_backbones_for_one_of_the_papers_are_two_blocks():
    (split,) = layout.lay_out([row(model="one"), row(model="two"), quoted("PALAVRA")])
    assert [(block.model, [line.label for line in block.lines]) for block in split.blocks] == [
        ("one", ["SEARLE", "PALAVRA"]),
        ("two", ["SEARLE"]),
    ]


def fact(metric, value, **changes):
    """A figure of no method, backbone and interval, as a table of facts holds it."""
    common = {"row": "", "method": "", "backbone": "", "model": None, "ci_low": None, "ci_high": None}
    about = {"dataset": "FashionIQ", "split": "val", "benchmark": "fashioniq_val", "published": value, "delta": 0.0}
    return row(**{**common, **about, "metric": metric, "measured": value, "verdict": "match", **changes})


def test_a_fact_is_shown_in_its_own_unit_and_without_an_interval():
    (split,) = layout.lay_out([fact("query_images", 2017.0, subset="Dress"), fact("p", 0.1), row(**{
        **fact("modality_gap", 0.8149), "ci_low": 0.8, "ci_high": 0.8304,
    })])  # fmt: skip
    (line,) = split.blocks[0].lines
    assert {name: figure.text for name, figure in line.measured.items()} == {
        "Dress query_images": "2,017", "p": "0.1", "modality_gap": "0.815",
    }  # fmt: skip
    assert [figure.interval for figure in line.measured.values()] == ["", "", "0.800–0.830"]
    assert (line.label, split.in_percent, split.has_intervals) == (layout.UNNAMED, False, True)
    assert not split.blocks[0].has_heading


def test_what_is_of_no_data_set_is_called_after_its_source():
    (split,) = layout.lay_out([fact("in_features", 512.0, dataset="", split="", benchmark="")])
    assert split.title == "SEARLE Table 2"


def test_figures_by_kind_of_query_are_a_split_of_their_own_behind_the_one_that_they_are_of():
    tagged = [ours("searle", "SEARLE", metric=f"mAP@10[{tag}]") for tag in ("negation", "compare_change")]
    splits = layout.lay_out([tagged[0], row(metric="mAP@10"), ours("searle", "SEARLE", split="val"), tagged[1]])
    assert [(split.title, split.benchmark, split.columns) for split in splits] == [
        ("CIRR test1", "cirr_test1", ["mAP@10"]),
        ("CIRR test1 by kind of query", "cirr_test1", ["mAP@10[negation]", "mAP@10[compare_change]"]),
        ("CIRR val", "cirr_val", ["R@1"]),
    ]
    assert layout.in_words("mAP@10[compare_change]") == ("mAP@10", "compare change")
    assert layout.in_words("R_subset@1") == ("R_subset@1", "")


def test_percentages_are_known_by_their_metric():
    percentages = ("R@10", "Average R_all@50", "mAP@5", "mAP@10[negation]", "accuracy", "accuracy[ripe]", "score")
    assert all(map(layout.is_percent, percentages))
    assert not any(map(layout.is_percent, ("Dress query_images", "modality_gap", "layers", "p", "inaccuracy")))


@pytest.mark.parametrize(
    ("dataset", "columns", "first"),
    [
        ("CIRCO", ["mAP@5", "mAP@10"], "mAP@5"),
        ("FashionIQ", ["Dress R@10", "Average R@10", "Average R@50"], "Average R@10"),
        ("CIRR", ["R@1", "R@5", "R@10", "R_subset@1"], "R@10"),
        ("COCO", ["R@1", "R@5", "R@10"], "R@10"),
        ("Fashion200k", ["R@1", "R@10", "R@50"], "R@1"),
        ("MIT-States", ["R@1", "R@5", "R@10"], "R@1"),
        ("MIT-States", ["accuracy"], "accuracy"),
        ("CSS", ["R@10", "R@1"], "R@1"),
        ("CSS", ["query_images", "R@1[make]"], None),
    ],
)
def test_the_headline_is_what_the_papers_of_a_data_set_compare_first(dataset, columns, first):
    assert layout.headline(columns, [dataset]) == first


def test_several_data_sets_have_the_headline_of_the_best_alone_only_if_all_of_them_do():
    columns = ["R@1", "R@10"]
    assert layout.headline(columns, ["CSS", "Fashion200k"]) == "R@1"
    assert layout.headline(columns, ["CSS", "CIRR"]) == "R@10"


def test_an_accuracy_is_in_percent_and_has_an_interval():
    (split,) = layout.lay_out([row(dataset="MIT-States", split="unseen_pairs", metric="accuracy", measured=14.25)])
    figure = split.blocks[0].lines[0].measured["accuracy"]
    assert (figure.text, figure.interval, split.in_percent, split.headline) == ("14.25", "45.0–55.0", True, "accuracy")


def test_a_table_that_begins_with_its_papers_name_is_not_named_twice():
    rows = [row(paper="TIRG", table="Table 1"), row(paper="TIRG", table="TIRG repo README (best single model)")]
    assert layout.sources(rows) == ["TIRG Table 1", "TIRG repo README (best single model)"]
    assert layout.sources([row(paper="TIRG", table="TIRGs")]) == ["TIRG TIRGs"]


def test_a_method_has_the_name_that_is_printed_for_its_backbone():
    tuned = row(backbone="ViT-B/32 fine-tuned", model="tuned", row="CLIP fine-tuned, text")
    (split,) = layout.lay_out([tuned, row(row="CLIP, text")])
    assert [line.label for block in split.blocks for line in block.lines] == ["CLIP fine-tuned, text", "CLIP, text"]
