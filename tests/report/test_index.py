"""The page over all tables: every figure, nothing from elsewhere, no text taken for a tag, equal inputs equal bytes."""

import html
import json
import re
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.report import index, queries
from cirque.store import files
from tests.evaluated import SCALE, inside, run
from tests.report import pictured
from tests.report.test_layout import ours, quoted, row
from tests.report.test_page import Tags


@pytest.fixture(scope="module")
def project(evaluated, tmp_path_factory):
    folder = pictured.prepare(evaluated, tmp_path_factory.mktemp("pictured") / "project")
    with inside(folder):
        pictured.write()
    return folder


@pytest.fixture(scope="module")
def text(project):
    return (project / pictured.INDEX).read_text(encoding="utf-8")


def write(project, **changes):
    """Exit status of the stage and the page, written elsewhere."""
    output = pictured.INDEX.with_name("again.html")
    (project / output).unlink(missing_ok=True)
    with inside(project):
        status = run(*pictured.arguments(output=output, **changes))
        return status, output.read_text(encoding="utf-8") if output.exists() else ""


def without_data(text):
    return re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)


def asked_for(text):
    """What a page would ask for by itself: an address, or anything with a source."""
    return re.findall(r"https?://|@import|\bfetch\(|XMLHttpRequest|\burl\(", text.replace("url(#", "")) + re.findall(
        r"<[^>]* src=|<link|<iframe", without_data(text)
    )


# ---- self-contained ------------------------------------------------------------------------------------------------


def test_it_asks_for_nothing_from_elsewhere(text):
    assert not asked_for(text)
    # Links lead within the page or to the table's own page beside it.
    links = {"../scale%3Dmini/table_cirr.html", "queries_cirr_val.html", "queries_cirr_test1.html"}
    assert set(re.findall(r'\bhref="([^"#]+)"', without_data(text))) == links


def test_its_policy_lets_no_script_run_but_its_own(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert html.unescape(policy) == queries.policy(index.PARTS[3].read_text(encoding="utf-8"))
    assert html.unescape(policy).startswith("default-src 'none'; img-src data:;")


def test_its_tags_are_balanced_and_its_ids_are_unique(text):
    tags = Tags()
    tags.VOID = tags.VOID | {"input"}
    tags.feed(text)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert {href[1:] for href in tags.hrefs if href.startswith("#")} <= set(tags.ids)


def test_its_own_script_and_style_end_nowhere_early():
    for part in (part for part in index.PARTS if part.suffix in (".css", ".js")):
        assert "</" not in part.read_text(encoding="utf-8")


def test_equal_inputs_give_equal_bytes(project, text):
    status, again = write(project)
    assert status == 0
    assert again == text


# ---- tables --------------------------------------------------------------------------------------------------------


def test_it_shows_every_figure_of_every_table(project, text):
    shown = re.sub(r"<svg.*?</svg>", "", without_data(text), flags=re.DOTALL)
    with inside(project):
        rows = files.read_table(SCALE / "table_cirr.parquet").to_pylist()
    for figures in rows:
        for value in (figures["measured"], figures["published"]):
            assert value is None or f">{value:.2f}<" in shown


def page_of(*tables, settings=None):
    named = {Path(f"results/scale=mini/table_{name}.parquet"): rows for name, rows in tables}
    return index.render(named, settings or pictured.settings(), pictured.INDEX)


def test_each_split_of_each_table_is_a_section_under_its_tables_name():
    text = page_of(("one", [row(), row(split="val", benchmark="")]), ("two", [row()]))
    assert re.findall(r'data-table="(\w+)" data-benchmark="([^"]*)" aria', text) == [
        ("one", "cirr_test1"),
        ("one", "CIRR val"),
        ("two", "cirr_test1"),
    ]


def test_a_split_that_one_table_only_quotes_is_the_benchmark_that_another_ran():
    text = page_of(("one", [quoted("PALAVRA")]), ("two", [row()]))
    assert re.findall(r'<section class="split".*? data-benchmark="([^"]*)"', text) == ["cirr_test1", "cirr_test1"]


def test_figures_by_kind_of_query_are_a_table_without_a_chart():
    text = page_of(("one", [ours("searle", "SEARLE", metric=metric) for metric in ("mAP@10", "mAP@10[negation]")]))
    plain, tagged = re.findall(r'<section class="split".*?</section>', text, flags=re.DOTALL)
    assert "<svg" in plain
    assert "<svg" not in tagged
    assert '<span class="tag">negation</span>' in tagged


def test_figures_of_no_backbone_and_of_no_percent_have_their_place():
    text = page_of(("one", [quoted("ARTEMIS", backbone=""), quoted("", metric="query_images", published=2760)]))
    assert '<tbody class="backbone" data-backbone=""><tr><th' in text
    assert ">no backbone named</label>" in text
    assert ">2,760</td>" in text
    assert "<svg" not in text


def test_filters_name_what_was_measured_before_what_is_only_in_print():
    text = page_of(("one", [quoted("PALAVRA"), row(), quoted("LinCIR", backbone="ViT-H/14")]))
    of_filter = dict(re.findall(r'<fieldset data-filter="(\w+)">(.*?)</fieldset>', text, flags=re.DOTALL))
    assert list(of_filter) == ["table", "benchmark", "backbone", "method"]
    values = {name: re.findall(r'value="([^"]+)"', part) for name, part in of_filter.items()}
    assert values["backbone"] == ["ViT-B/32", "ViT-H/14"]
    assert values["method"] == ["searle", "PALAVRA", "LinCIR"]
    assert "2 only in print" in of_filter["method"]


def test_verdicts_are_coloured_and_stated_as_on_a_tables_own_page():
    rows = [row(verdict="match", reason="near", scale="paper"), row(metric="R@5", verdict="differs", reason="far off")]
    text = page_of(("one", [{**figures, "scale": "paper"} for figures in rows]))
    assert 'class="match" title="near"' in text
    assert 'class="differs" title="far off"' in text
    assert "1 match, 1 differs" in text
    assert "not comparable" not in text


def test_names_from_a_configuration_are_escaped():
    text = page_of(("one", [ours('"><b>odd', "<b>odd</b> & method")]))
    assert "<b>odd" not in text


def test_tables_of_two_scales_do_not_share_a_page():
    with pytest.raises(CirqueError, match="several scales"):
        page_of(("one", [row()]), ("two", [row(scale="paper")]))


# ---- plots ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawing(project):
    settings = {"dims": {"ViT-L/14": 8}, "n_samples": 4, "seed": 0}
    path = Path("results/plot_noise_norms.svg")
    with inside(project):
        words = ["--name", "noise_norms", "--settings", json.dumps(settings), "--output", path]
        assert run("draw_plot", *words, "--data", path.with_suffix(".parquet")) == 0
    return path


def test_a_plot_stands_in_the_page_and_the_page_still_asks_for_nothing(project, drawing):
    status, text = write(project, plots=[drawing])
    assert status == 0
    assert not asked_for(text)
    test_its_tags_are_balanced_and_its_ids_are_unique(text)
    assert '<a href="../plot_noise_norms.svg">noise_norms</a>' in text
    assert "ViT-L/14, 8 dimensions</text>" in text
    assert '<a href="#plots">' in text


def test_a_page_without_plots_does_not_speak_of_them(text):
    assert "#plots" not in text


@pytest.mark.parametrize(("content", "message"), [(None, "no such file"), ("<svg></svg>", "has no title")])
def test_a_plot_that_is_missing_or_none_of_ours_is_refused(project, capsys, content, message):
    path = project / "results/plot_other.svg"
    path.unlink(missing_ok=True)
    if content:
        path.write_text(content)
    status, text = write(project, plots=[Path("results/plot_other.svg")])
    assert (status, text) == (1, "")
    assert message in capsys.readouterr().err


# ---- pages of queries ----------------------------------------------------------------------------------------------


def test_each_split_leads_to_its_page_of_queries(text):
    linked = re.findall(r'data-benchmark="(\w+)" aria.*?<a href="(queries_\w+.html)">', text, flags=re.DOTALL)
    assert set(linked) == {(name, f"queries_{name}.html") for name in pictured.BENCHMARKS}
    assert '<a href="#queries">' in text


def test_a_page_may_do_without_queries(project):
    status, text = write(project, queries=None)
    assert status == 0
    assert 'id="queries"' not in text


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        (
            {"queries": [Path("results/report/queries_strange.html")]},
            "queries_strange.html: not called queries_BENCHMARK",
        ),
        ({"tables": [SCALE / "absent.parquet"]}, "absent.parquet: no such file"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(project, capsys, changes, stated):
    status, text = write(project, **changes)
    assert (status, text) == (1, "")
    assert stated in capsys.readouterr().err


# ---- the papers' words ---------------------------------------------------------------------------------------------


def test_tables_stand_under_their_paper_in_its_words():
    settings = pictured.settings() | {"tables": {"one": {"title": "what is masked"}}}
    text = page_of(
        ("own", [ours("searle", "SEARLE")]),
        ("one", [row(paper="LinCIR", table="Table 8")]),
        ("two_papers", [row(paper="LinCIR", table="Table 6"), row()]),
        settings=settings,
    )
    contents = re.search(r"<nav.*?</nav>", text, flags=re.DOTALL)[0]
    assert re.findall(r"<h2>(.*?)</h2>", contents) == [
        "Several papers",
        "LinCIR",
        "Of this project",
        "Beyond the tables",
    ]
    assert re.findall(r'<span class="muted">(.*?)</span>', contents) == [
        "two papers",
        "LinCIR Table 8: what is masked",
        "own",
    ]


def test_tirgs_tables_stand_under_tirg_and_its_released_model_beside_them():
    tirg = {"paper": "TIRG", "dataset": "CSS", "split": "test_3d", "benchmark": "css_3d"}
    text = page_of(
        ("tirg_css", [row(**tirg, table="Table 4"), row(**tirg, table="TIRG repo README (best single model)")]),
        ("tirg_ablation", [row(**tirg, table="Table 5")]),
    )
    contents = re.search(r"<nav.*?</nav>", text, flags=re.DOTALL)[0]
    assert re.findall(r"<h2>(.*?)</h2>", contents) == ["TIRG", "Beyond the tables"]
    assert "TIRG repo README (best single model)" in text
    assert "TIRG TIRG" not in text


def test_benchmarks_of_one_split_are_told_apart_in_words():
    settings = pictured.settings()
    settings["benchmarks"]["cirr_test1"]["label"] = "reference kept"
    settings["benchmarks"]["other"] = {**settings["benchmarks"]["cirr_test1"], "label": ""}
    text = page_of(("one", [row(), row(benchmark="other")]), settings=settings)
    names = re.findall(r'<h2 id="heading-\d">(.*?) <span', text)
    assert names == ["CIRR test1, reference kept", "CIRR test1"]


def test_contents_and_filters_are_folded_until_asked_for(text):
    before, _, _ = text.partition('<section class="split"')
    assert before.count('<details class="folded">') == 2
    assert "<details open" not in text
    assert before.index('<details class="folded">') < before.index("<fieldset")
