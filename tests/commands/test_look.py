"""look: a page on some queries."""

import re

import pytest

from cirque.store import files
from tests.evaluated import SCALE, inside, run
from tests.report import pictured


@pytest.fixture
def project(evaluated, tmp_path):
    with inside(pictured.prepare(evaluated, tmp_path / "project")):
        yield


def look(capsys, *words):
    status = run("look", "--benchmark", "cirr_val", *words)
    return status, capsys.readouterr().err


def test_a_page_shows_each_method_s_best_pictures_with_the_truths_outlined(project, capsys, tmp_path):
    page = tmp_path / "look.html"
    words = ["--query", "q3", "q1", "--methods", "searle", "image-only", "--output", page]
    assert look(capsys, *words)[0] == 0
    html = page.read_text(encoding="utf-8")
    assert html.index("Query q3") < html.index("Query q1")
    rows = files.read_table(SCALE / "rankings/benchmark=cirr_val/backbone=tiny/method=searle/seed=0/rankings.parquet")
    row = next(row for row in rows.to_pylist() if row["query_id"] == "q3")
    article = html.partition("Query q3")[2].partition("</article>")[0]
    first = article.partition("SEARLE")[2].partition("</section>")[0]
    assert re.findall(r'title="(i\d+)', first) == row["top_ids"][:10]
    assert f"best ground truth at {row['target_ranks'][0]} of {row['n_candidates']}" in first
    assert re.findall(r'truth" title="(i\d+)', first) == (["i4"] if row["target_ranks"][0] <= 10 else [])
    assert first.count("data:image/jpeg;base64,") == 10


def test_words_are_shown_and_never_run(project, capsys, tmp_path):
    page = tmp_path / "look.html"
    assert look(capsys, "--query", "q0", "--methods", "searle", "--output", page)[0] == 0
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_an_unknown_query_is_named_with_near_ones(project, capsys, tmp_path):
    status, err = look(capsys, "--query", "q99", "--methods", "searle", "--output", tmp_path / "look.html")
    assert status == 1
    assert "no query is called 'q99'; nearly so: q9" in err
    assert not (tmp_path / "look.html").exists()
