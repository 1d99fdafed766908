"""The page over all tables: every figure, nothing from elsewhere, no text taken for a tag, equal inputs equal bytes."""

import html
import json
import re
import shutil
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.report import index
from cirque.store import files
from tests.evaluated import SCALE, inside, run
from tests.report import pictured
from tests.report.test_layout import ours, quoted, row
from tests.report.test_page import Tags


@pytest.fixture(scope="module")
def project(evaluated, tmp_path_factory):
    folder = pictured.prepare(evaluated, tmp_path_factory.mktemp("pictured") / "project")
    with inside(folder):
        assert run(*pictured.arguments()) == 0
    return folder


@pytest.fixture(scope="module")
def text(project):
    return (project / pictured.INDEX).read_text(encoding="utf-8")


def write(project, **changes):
    """Exit status of the stage and the page, written elsewhere."""
    output = Path("results/other/index.html")
    shutil.rmtree(project / output.parent, ignore_errors=True)
    with inside(project):
        status = run(*pictured.arguments(output=output, **changes))
        return status, output.read_text(encoding="utf-8") if output.exists() else ""


def blocks(text):
    """The page's JSON, in order."""
    return [json.loads(found) for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)]


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
    assert set(re.findall(r'\bhref="([^"#]+)"', without_data(text))) == {"../scale%3Dmini/table_cirr.html"}


def test_its_policy_lets_no_script_run_but_its_own(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert html.unescape(policy) == index._policy(index.PARTS[3].read_text(encoding="utf-8"))
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
    return index.render(named, [], settings or pictured.settings(), pictured.INDEX)


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


# ---- galleries -----------------------------------------------------------------------------------------------------


def test_each_benchmark_with_answers_has_a_gallery_without_the_bound(text):
    *galleries, pictures = blocks(text)
    assert re.findall(r'class="gallery" data-benchmark="(\w+)"', text) == ["cirr_val", "cirr_test1"]
    for gallery in galleries:
        assert [method for method, _ in gallery["methods"]] == ["image-only", "searle"]
        assert gallery["chosen"] == ["searle", "image-only"]
        assert sum(gallery["pairs"][0]["counts"]) == 40
        assert all(0 <= picture < len(pictures) for _, picture in gallery["images"])


def test_a_distinct_picture_is_in_the_page_once(text):
    *galleries, pictures = blocks(text)
    assert len(pictures) == len(set(pictures))
    named = [dict(gallery["images"]) for gallery in galleries]
    both = set(named[0]) & set(named[1])
    assert both
    assert all(named[0][name] == named[1][name] for name in both)  # the same file in two image sets


def test_captions_are_data_and_nothing_else(text):
    *galleries, _ = blocks(text)
    assert all(example["captions"] == pictured.HOSTILE for gallery in galleries for example in gallery["examples"])
    assert text.count("<script") == len(galleries) + 2
    assert "onerror" not in without_data(text)


def test_a_page_may_do_without_pictures_and_needs_no_shards_then(project):
    status, text = write(project, pictures="none", images=None, shards=None)
    *galleries, pictures = blocks(text)
    assert status == 0
    assert pictures == []
    assert all(picture is None for gallery in galleries for _, picture in gallery["images"])


def test_a_page_may_do_without_galleries(project):
    status, text = write(project, queries=[], rankings=[], images=[], shards=[])
    assert status == 0
    assert blocks(text) == []
    assert 'id="galleries"' not in text


def test_a_page_with_photographs_says_that_it_is_not_to_be_passed_on(project, text):
    real = SCALE / "real.json"
    with inside(project):
        files.write_json(real, {**pictured.settings(), "comparable": True})
    assert "Not to be passed on." in write(project, settings=real)[1]
    assert "Not to be passed on." not in write(project, settings=real, pictures="none")[1]
    assert "Not to be passed on." not in text


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        ({"n_each": 0}, "--n-each 0: must be at least 1"),
        ({"queries": None}, "--queries: has none of cirr_val"),
        ({"images": None}, "--images: has none of image set cirr_val"),
        ({"shards": None}, "images.parquet: shard 00000 of its images was not given"),
        ({"rankings": [SCALE / "table_cirr.parquet"]}, "table_cirr.parquet: no folder of it is called benchmark="),
        ({"tables": [SCALE / "absent.parquet"]}, "absent.parquet: no such file"),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(project, capsys, changes, stated):
    status, text = write(project, **changes)
    assert status == 1
    assert text == ""
    assert stated in capsys.readouterr().err


def test_a_ranking_of_an_unknown_method_is_stated(project, capsys):
    strange = SCALE / "rankings/benchmark=cirr_val/backbone=tiny/method=strange/seed=0/rankings.parquet"
    status, _ = write(project, rankings=[strange])
    assert status == 1
    assert "'strange' is not among the methods of the settings" in capsys.readouterr().err
