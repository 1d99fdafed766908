"""Every table of workflow/tables: it runs on both configurations, and together they hold each published figure once."""

from collections import Counter

import pyarrow as pa
import pytest

from cirque.plan import jobs as plan
from cirque.store import schemas
from cirque.tables import build as tables
from tests.configurations import configured
from tests.evaluated import NOT_RUN, PUBLISHED, REPOSITORY

CONFIGURATIONS = ("config", "paper")

KEY = ("paper", "table", "row", "backbone", "dataset", "split", "subset", "metric")


def configuration(name):
    return configured(name)


def build(config, table, *runs):
    """A table over some rows of schemas.METRICS, or none yet."""
    sql = (REPOSITORY / f"workflow/tables/table_{table}.sql").read_text()
    metrics = pa.Table.from_pylist(list(runs), schema=schemas.METRICS)
    published = tables.read_published(PUBLISHED, NOT_RUN)
    return tables.build(table, sql, metrics, published, plan.table_settings(config)).to_pylist()


def measured(config, benchmark, metric, value, *, method="lincir", group="", backbone="ViT-L-14"):
    """A run's metric with an interval of a point on either side."""
    return {
        "benchmark": benchmark, "split": config["benchmarks"][benchmark]["split"], "group": group,
        "backbone": backbone, "method": method, "seed": 42, "metric": metric, "value": value,
        "ci_low": value - 1, "ci_high": value + 1, "n_queries": 100,
    }  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_published_figure_stands_in_exactly_one_table(name):
    config = configuration(name)
    # A backbone's second stand-in would show a figure a second time.
    found = Counter(
        tuple(row[key] for key in KEY) for table in plan.tables(config) for row in build(config, table) if row["paper"]
    )
    expected = {tuple(row[key] for key in KEY) for row in tables.read_published(PUBLISHED).to_pylist()}
    assert set(found) == expected
    assert {key: count for key, count in found.items() if count > 1} == {}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_was_not_measured_has_a_verdict_and_a_reason(name):
    config = configuration(name)
    for table in plan.tables(config):
        rows = build(config, table)
        assert rows or table in ("protocols", "tirg_datasets")  # which prints nothing of a paper
        assert {row["verdict"] for row in rows} <= {"cannot run here"}
        assert all(row["reason"] and row["measured"] is None for row in rows)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_rows_that_are_left_out_on_purpose_say_why(name):
    rows = [row for row in build(configuration(name), "fashioniq") if "supervised" in row["row"]]
    quoted = [row for row in rows if not row["method"]]
    assert quoted
    assert all(row["reason"].startswith("quoted by the paper: a supervised method") for row in quoted)
    tuned = {row["row"] for row in quoted if "a CLIP that was fine-tuned on the same triplets" in row["reason"]}
    assert tuned == {"Combiner (supervised)", "Combiner* RN50x4 (supervised on FashionIQ)"}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_tirg_quotes_is_left_out_on_purpose(name):
    config = configuration(name)
    for table, n_figures in (("tirg_fashion200k", 3), ("tirg_mitstates_novel", 5)):
        quoted = [row for row in build(config, table) if not row["method"]]
        assert len(quoted) == n_figures
        assert all(row["reason"].startswith("quoted by the paper from earlier work") for row in quoted)


def test_every_query_of_the_folder_is_a_table_of_both_configurations():
    files = {path.stem.removeprefix("table_") for path in (REPOSITORY / "workflow/tables").glob("table_*.sql")}
    for name in CONFIGURATIONS:
        assert set(plan.tables(configuration(name))) == files


# ---- groups of queries and protocols -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "benchmark", "metric", "groups"),
    [
        ("fashioniq", "fashioniq_val", "R@10", {"dress": "Dress", "toptee": "Toptee", "Average": "Average"}),
        (
            "genecis",
            "genecis_released",
            "R@1",
            {"focus_attribute": "Focus Attribute", "change_object": "Change Object", "Average": "Average"},
        ),
    ],
)
def test_a_published_subset_joins_our_group_of_that_name_and_no_other(table, benchmark, metric, groups):
    paper = configuration("paper")
    values = {group: 10.0 + number for number, group in enumerate(groups)}
    runs = [measured(paper, benchmark, metric, value, group=group) for group, value in values.items()]
    rows = [
        row
        for row in build(paper, table, *runs)
        if (row["paper"], row["model"], row["method"], row["metric"]) == ("LinCIR", "ViT-L-14", "lincir", metric)
    ]
    found = {(row["subset"], row["measured"]) for row in rows if row["measured"] is not None}
    assert found == {(printed, values[group]) for group, printed in groups.items()}
    others = [row for row in rows if row["subset"] not in groups.values()]
    assert others
    assert {(row["measured"], row["verdict"]) for row in others} == {(None, "cannot run here")}


def test_a_group_that_no_paper_prints_stands_alone_under_our_name():
    paper = configuration("paper")
    rows = build(paper, "fashioniq", measured(paper, "fashioniq_val", "R@10", 12.0, group="hat"))
    (row,) = [row for row in rows if row["measured"] is not None]
    assert (row["paper"], row["subset"], row["published"], row["verdict"]) == ("", "hat", None, None)


def test_published_figures_of_genecis_stand_beside_the_released_protocol_only():
    paper = configuration("paper")
    runs = [
        measured(paper, name, "R@1", value, group=group)
        for group in ("focus_attribute", "Average")
        for name, value in (("genecis", 20.0), ("genecis_released", 12.0))
    ]
    rows = [row for row in build(paper, "genecis", *runs) if row["measured"] is not None]
    beside = [row for row in rows if row["published"] is not None]
    assert {(row["benchmark"], row["measured"]) for row in beside} == {("genecis_released", 12.0)}
    assert {row["subset"] for row in beside} == {"Focus Attribute", "Average"}
    alone = [row for row in rows if row["published"] is None]
    assert {(row["benchmark"], row["paper"], row["subset"], row["measured"], row["verdict"]) for row in alone} == {
        ("genecis", "", subset, 20.0, None) for subset in ("Focus Attribute", "Average")
    }


# ---- the mean of four figures --------------------------------------------------------------------------------------

#: What LinCIR Table 10 averages: benchmark, metric and group.
FOUR = [
    ("circo_test", "mAP@5", ""),
    ("genecis_released", "R@3", "Average"),
    ("fashioniq_val", "R@10", "Average"),
    ("cirr_test1", "R@10", ""),
]


def answered(name):
    """A configuration whose test splits have answers, as if a server had sent them."""
    config = configuration(name)
    for benchmark in ("circo_test", "cirr_test1"):
        config["benchmarks"][benchmark]["answers"] = "in-separate-file"
    return config


def corpus_runs(config, values, method="lincir-corpus-coyo"):
    return [
        measured(config, benchmark, metric, value, method=method, group=group)
        for (benchmark, metric, group), value in zip(FOUR, values, strict=False)
    ]


def mean_of(rows, corpus):
    (found,) = [row for row in rows if row["dataset"] == "Average of the four" and row["row"] == corpus]
    return found


def test_the_mean_of_a_corpus_is_that_of_its_four_figures():
    config, values = answered("paper"), (11.0, 31.0, 26.0, 65.4)
    rows = build(config, "lincir_corpus", *corpus_runs(config, values))
    row = mean_of(rows, "LinCIR trained on COYO")
    assert row["measured"] == pytest.approx(33.35)
    assert (row["model"], row["n_seeds"], row["published"]) == ("ViT-L-14", 1, 33.59)
    assert row["delta"] == pytest.approx(33.35 - 33.59)
    assert (row["verdict"], row["reason"]) == ("differs", "the plain mean of the four figures beside it")
    beside = [other for other in rows if other["row"] == row["row"] and other["dataset"] != row["dataset"]]
    assert [other["measured"] for other in beside] == list(values)
    assert all(other["measured"] is None for other in rows if other["row"] != row["row"])


def test_a_mean_that_is_near_matches_and_at_the_mini_scale_it_is_not_compared():
    config = answered("paper")
    near = mean_of(build(config, "lincir_corpus", *corpus_runs(config, [33.55] * 4)), "LinCIR trained on COYO")
    assert (near["verdict"], near["measured"]) == ("match", pytest.approx(33.55))
    mini = {**config, "comparable": False, "not_comparable_because": "generated pictures"}
    row = mean_of(build(mini, "lincir_corpus", *corpus_runs(mini, [33.55] * 4)), "LinCIR trained on COYO")
    assert (row["verdict"], row["reason"], row["measured"]) == ("mini", "generated pictures", pytest.approx(33.55))


@pytest.mark.parametrize("missing", range(4))
def test_a_mean_with_a_figure_missing_is_not_stated(missing):
    config = answered("paper")
    runs = corpus_runs(config, (11.0, 31.0, 26.0, 65.4))
    # a corpus that has all four is not disturbed by one that has not
    rows = build(
        config, "lincir_corpus", *runs[:missing], *runs[missing + 1 :], *corpus_runs(config, [30.0] * 4, "lincir")
    )
    row = mean_of(rows, "LinCIR trained on COYO")
    assert (row["measured"], row["delta"], row["verdict"]) == (None, None, "cannot run here")
    assert row["reason"] == "the mean of four figures that were not all measured"
    assert mean_of(rows, "LinCIR trained on CC3M+SDP")["measured"] == pytest.approx(30.0)


def test_every_corpus_of_table_10_and_every_input_of_table_7_is_trained():
    for name in CONFIGURATIONS:
        config = configuration(name)
        for table in ("lincir_corpus", "lincir_supervision"):
            printed = {row["method"] for row in build(config, table)}
            assert printed == set(config["tables"][table]["methods"])


# ---- TIRG: settings of one data set, and a checkpoint beside the paper ---------------------------------------------


#: Where the released code prints its figures.
CHECKPOINTS = "TIRG repo README (best single model)"


def of_tirg(config, benchmark, value, method="tirg"):
    return measured(config, benchmark, "R@1", value, method=method, backbone="resnet18")


def test_figures_of_css_stand_beside_the_setting_that_they_are_of():
    paper = configuration("paper")
    runs = [of_tirg(paper, "css_3d", 70.0), of_tirg(paper, "css_2d", 45.0)]
    rows = [row for row in build(paper, "tirg_css", *runs) if row["measured"] is not None]
    assert {(row["table"], row["benchmark"], row["measured"], row["published"]) for row in rows} == {
        ("Table 4", "css_3d", 70.0, 73.7),
        ("Table 4", "css_2d", 45.0, 46.6),
        (CHECKPOINTS, "css_3d", 70.0, 76.0),
    }


@pytest.mark.parametrize(
    ("table", "benchmark", "printed"),
    [
        ("tirg_fashion200k", "fashion200k", {"Table 1": 14.1, CHECKPOINTS: 16.1}),
        ("tirg_mitstates", "mitstates", {"Table 2": 12.2, CHECKPOINTS: 13.2}),
        ("tirg_css", "css_3d", {"Table 4": 73.7, CHECKPOINTS: 76.0}),
    ],
)
def test_a_checkpoint_stands_beside_the_paper_in_the_table_of_its_data_set_only(table, benchmark, printed):
    paper = configuration("paper")
    rows = build(paper, table, of_tirg(paper, benchmark, 50.0))
    assert {row["table"]: row["published"] for row in rows if row["measured"] is not None} == printed
    assert len([row for row in rows if row["table"] == CHECKPOINTS]) == 1


def test_tirg_names_unseen_pairs_in_the_closed_world_beside_the_paper():
    paper = configuration("paper")
    runs = [
        {**of_tirg(paper, benchmark, value, method), "metric": "accuracy"}
        for benchmark, value in (("mitstates_pairs", 15.0), ("mitstates_pairs_open", 9.0))
        for method in ("tirg", "tirg-softmax")
    ]
    rows = [row for row in build(paper, "tirg_mitstates_novel", *runs) if row["measured"] is not None]
    assert [(row["method"], row["benchmark"], row["measured"], row["published"]) for row in rows] == [
        ("tirg", "mitstates_pairs", 15.0, 15.2),
        ("tirg-softmax", "mitstates_pairs", 15.0, None),
        ("tirg", "mitstates_pairs_open", 9.0, None),
        ("tirg-softmax", "mitstates_pairs_open", 9.0, None),
    ]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_method_that_tirg_prints_on_a_data_set_is_run_on_it(name):
    config = configuration(name)
    for table in ("tirg_fashion200k", "tirg_mitstates", "tirg_css", "tirg_ablation"):
        printed = {row["method"] for row in build(config, table)} - {""}
        assert printed == set(config["tables"][table]["methods"])


# ---- TIRG where the other papers quote it ---------------------------------------------------------------------------


def quoted(config, *runs):
    return [row for row in build(config, "cirr", *runs) if row["row"] == "TIRG (supervised on CIRR)"]


def test_tirg_is_trained_on_cirr_at_the_papers_scale_alone():
    paper = configuration("paper")
    hidden = "the answers of CIRR test1 are hidden: its server scores the files of results/scale=paper/submissions"
    assert {(row["model"], row["reason"]) for row in quoted(paper)} == {("resnet18", hidden)}
    assert {(row["model"], row["reason"]) for row in quoted(configuration("config"))} == {
        (None, "this table does not run tirg")
    }


def test_a_supervised_figure_stands_beside_the_printed_one_or_alone():
    config = configuration("paper")
    config["benchmarks"]["cirr_test1"]["answers"] = "in-separate-file"
    runs = [of_tirg(config, benchmark, value) for benchmark, value in (("cirr_test1", 14.0), ("cirr_val", 15.0))]
    rows = [row for row in build(config, "cirr", *runs) if row["measured"] is not None]
    assert {(row["row"], row["benchmark"], row["published"], row["verdict"]) for row in rows} == {
        ("TIRG (supervised on CIRR)", "cirr_test1", 14.6, "match"),
        ("TIRG", "cirr_val", None, None),
    }


# ---- the Combiner ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "benchmark", "metric"), [("cirr", "cirr_test1", "R@10"), ("fashioniq", "fashioniq_val", "R@10")]
)
def test_a_combiner_of_either_train_split_stands_beside_its_printed_row_once(table, benchmark, metric):
    config = configuration("paper")
    config["benchmarks"]["cirr_test1"]["answers"] = "in-separate-file"
    group = "Average" if table == "fashioniq" else ""
    runs = [
        {**measured(config, benchmark, metric, value, group=group), "method": method, "backbone": backbone}
        for method, value in (("combiner-cirr", 21.0), ("combiner-fashioniq", 36.0))
        for backbone in ("ViT-B-32", "ViT-L-14")
    ]
    rows = [row for row in build(config, table, *runs) if row["measured"] is not None]
    beside = {(row["row"], row["model"], row["measured"]) for row in rows if row["published"] is not None}
    assert beside == {
        ("Combiner (supervised on CIRR)", "ViT-L-14", 21.0),
        ("Combiner (supervised on FashionIQ)", "ViT-L-14", 36.0),
    }
    alone = {(row["row"], row["model"]) for row in rows if row["published"] is None}
    assert alone == {("Combiner, trained on CIRR", "ViT-B-32"), ("Combiner, trained on FashionIQ", "ViT-B-32")}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_both_tables_run_both_combiners_on_their_own_backbones_with_every_seed(name):
    config = configuration(name)
    config["run"] = {**config["run"], "seeds": [0, 7]}
    for table in ("cirr", "fashioniq"):
        runs = [run for run in plan.runs(config, table) if "combiner" in run["method"]]
        assert {(run["method"], run["backbone"], run["seed"]) for run in runs} == {
            (f"combiner-{trained}", backbone, seed)
            for trained in ("cirr", "fashioniq")
            for backbone in config["run"]["backbones"]
            for seed in ("0", "7")
        }


def test_a_train_split_that_is_missing_is_the_reason_of_the_supervised_row_alone():
    config = {**configuration("paper"), "missing": {"trainings": {"cirr": "no CIRR/train/"}}}
    assert {row["reason"] for row in quoted(config)} == {"data missing: no CIRR/train/"}
    others = [row for row in build(config, "cirr") if row["method"] == "searle"]
    assert others
    assert not any("data missing" in row["reason"] for row in others)
