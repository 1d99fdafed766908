"""The page: self-contained, deterministic, says what is measured, what is published and what cannot be compared."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cirque.report import page
from cirque.store import files
from tests.evaluated import SCALE, inside
from tests.report.test_layout import fact, ours, quoted, row

TABLE = Path("results/scale=mini/table_cirr.parquet")


@pytest.fixture(scope="module")
def html(evaluated):
    with inside(evaluated):
        return page.render(files.read_table(SCALE / "table_cirr.parquet").to_pylist(), TABLE)


class Tags(HTMLParser):
    """Counts ids and refuses tags that close in another order than they opened."""

    VOID = frozenset({"meta", "br", "path", "use"})

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.hrefs = [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.hrefs += [values["href"]] if "href" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()


def test_it_needs_no_network_and_no_script(html):
    assert "http" not in html.replace("http-equiv", "")
    assert "//" not in re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)
    assert "<script" not in html
    assert "@import" not in html


def test_its_policy_lets_no_script_run_and_asks_for_nothing(html):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_its_tags_are_balanced_and_its_ids_are_unique(html):
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    assert {href.removeprefix("#") for href in tags.hrefs} <= set(tags.ids)


def test_it_is_the_same_each_time(evaluated, html):
    with inside(evaluated):
        assert page.render(files.read_table(SCALE / "table_cirr.parquet").to_pylist(), TABLE) == html


def test_it_shows_every_figure_of_the_table(evaluated, html):
    with inside(evaluated):
        rows = files.read_table(SCALE / "table_cirr.parquet").to_pylist()
    text = re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)
    for figures in rows:
        for value in (figures["measured"], figures["published"]):
            assert value is None or f">{value:.2f}<" in text


def test_it_says_that_a_mini_scale_is_not_comparable(html):
    assert "Scale mini: not comparable with the papers." in html
    assert "Generated pictures." in html


def test_at_the_papers_scale_it_shows_each_verdict_and_no_such_note():
    rows = [
        row(verdict="match", reason="the published figure is within 0.10 points", scale="paper"),
        row(metric="R@5", verdict="differs", reason="6.00 points below", scale="paper"),
        quoted("PALAVRA", scale="paper"),
    ]
    html = page.render(rows, TABLE, charted="R@1")
    assert "not comparable" not in html
    assert 'class="match" title="the published figure is within 0.10 points"' in html
    assert 'class="differs" title="6.00 points below"' in html
    assert "1 match, 1 differs" in html


def test_the_upper_bound_is_marked_apart(html):
    assert '<tbody class="method bound">' in html
    assert "upper bound, no competitor" in html


def test_it_says_how_to_trace_a_figure(html):
    command = "python -m cirque explain results/scale=mini/table_cirr.parquet --benchmark cirr_test1 --backbone tiny"
    assert f"{command} --method searle --metric R@10" in html


def test_several_seeds_show_their_deviation():
    html = page.render([row(n_seeds=3, std=1.25)], TABLE, charted="R@1")
    assert "± over 3 seeds" in html
    assert ">1.25<" in html


def test_names_from_a_configuration_are_escaped():
    html = page.render([ours("odd", "<b>odd</b> & method")], TABLE, charted="R@1")
    assert "<b>odd" not in html


def test_a_metric_is_a_heading():
    assert str(page.metric_heading("R_subset@1")) == "R<sub>subset</sub>@1"
    assert str(page.metric_heading("mAP@5")) == "mAP@5"
    assert str(page.metric_heading("mAP@10[compare_change]")) == 'mAP@10<br><span class="tag">compare change</span>'


def test_a_page_of_facts_has_no_chart_and_no_empty_interval():
    rows = [fact("query_images", 2017.0, subset="Dress"), fact("candidate_images", 3817.0, subset="Dress")]
    html = page.render(rows, TABLE)
    assert ">2,017<" in html
    for words in ("at a glance", "95&nbsp;% interval", "<svg", "in percent", "not in this configuration"):
        assert words not in html
    command = "explain results/scale=mini/table_cirr.parquet --benchmark fashioniq_val --metric query_images"
    assert f"{command} --subset" in html


def test_an_accuracy_is_drawn_with_its_interval_and_its_works_are_named():
    rows = [row(paper="TIRG", table="Table 3", dataset="MIT-States", split="unseen_pairs", metric="accuracy")]
    html = page.render(rows, TABLE)
    assert "accuracy at a glance" in html
    assert "Figures in percent: measured, its 95&nbsp;% interval" in html
    assert "Composing Text and Image for Image Retrieval" in html
    assert "Discovering States and Transformations in Image Collections" in html


@pytest.mark.parametrize("dataset", ["Fashion200k", "MIT-States", "CSS"])
def test_of_tirgs_data_sets_the_best_image_is_drawn(dataset):
    rows = [row(paper="TIRG", dataset=dataset, metric=metric) for metric in ("R@1", "R@10")]
    assert "R@1 at a glance" in page.render(rows, TABLE)
    assert dataset in page.WORKS


def test_of_facts_beside_rankings_the_rankings_are_drawn():
    html = page.render([fact("modality_gap", 0.81, row="No noise"), row()], TABLE)
    assert "R@1 at a glance" in html
    assert html.count("<svg") == 1
