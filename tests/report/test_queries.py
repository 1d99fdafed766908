"""The page of a benchmark's queries: pictures once, captions as data, nothing from elsewhere, faults in a sentence."""

import html
import json
import re
import shutil
from pathlib import Path

import pytest

from cirque.report import queries
from cirque.store import files
from tests.evaluated import SCALE, inside, run
from tests.report import pictured
from tests.report.test_index import asked_for, without_data
from tests.report.test_page import Tags


@pytest.fixture(scope="module")
def project(evaluated, tmp_path_factory):
    return pictured.prepare(evaluated, tmp_path_factory.mktemp("pictured") / "project")


def write(project, benchmark="cirr_val", **changes):
    """Exit status of the stage and the page, written elsewhere."""
    output = Path("results/other/queries.html")
    shutil.rmtree(project / output.parent, ignore_errors=True)
    with inside(project):
        status = run(*pictured.arguments_of_queries(benchmark, output=output, **changes))
        return status, output.read_text(encoding="utf-8") if output.exists() else ""


def blocks(text):
    """The page's content and its pictures."""
    return [json.loads(found) for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)]


@pytest.fixture(scope="module")
def text(project):
    status, written = write(project)
    assert status == 0
    return written


def test_it_asks_for_nothing_and_lets_no_script_run_but_its_own(text):
    assert not asked_for(text)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert html.unescape(policy) == queries.policy(queries.PARTS[3].read_text(encoding="utf-8"))
    assert html.unescape(policy).startswith("default-src 'none'; img-src data:;")


def test_its_tags_are_balanced(text):
    tags = Tags()
    tags.feed(text)
    assert tags.open == []


def test_equal_inputs_give_equal_bytes(project, text):
    assert write(project) == (0, text)


def test_it_compares_the_methods_that_it_was_given(text):
    content, pictures = blocks(text)
    assert [method for method, _ in content["methods"]] == ["image-only", "searle"]
    assert content["chosen"] == ["searle", "image-only"]
    assert sum(content["pairs"][0]["counts"]) == 40
    assert all(0 <= picture < len(pictures) for _, picture in content["images"])


def test_a_distinct_picture_is_in_the_page_once(text):
    _, pictures = blocks(text)
    assert len(pictures) == len(set(pictures))


def test_captions_are_data_and_nothing_else(text):
    content, _ = blocks(text)
    assert all(example["captions"] == pictured.HOSTILE for example in content["examples"])
    assert text.count("<script") == 3
    assert "onerror" not in without_data(text)


def test_it_may_do_without_pictures_and_needs_no_shards_then(project):
    status, text = write(project, pictures="none", images=None, shards=None)
    content, pictures = blocks(text)
    assert status == 0
    assert pictures == []
    assert all(picture is None for _, picture in content["images"])


def test_a_page_with_photographs_says_that_it_is_not_to_be_passed_on(project, text):
    real = SCALE / "real.json"
    with inside(project):
        files.write_json(real, {**pictured.settings(), "comparable": True})
    assert "Not to be passed on." in write(project, settings=real)[1]
    assert "Not to be passed on." not in write(project, settings=real, pictures="none")[1]
    assert "Not to be passed on." not in text


RANKING = SCALE / "rankings/benchmark=cirr_val/backbone=tiny"


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        ({"n_each": 0}, "--n-each 0: must be at least 1"),
        ({"images": None}, "--images: is needed for pictures"),
        ({"shards": None}, "images.parquet: shard 00000 of its images was not given"),
        ({"rankings": [SCALE / "table_cirr.parquet"]}, "table_cirr.parquet: no folder of it is called benchmark="),
        (
            {"rankings": [RANKING / "method=searle/seed=0/rankings.parquet"]},
            "--rankings: are of 1 methods on 1 benchmarks",
        ),
        ({"queries": SCALE / "queries/benchmark=cirr_test1/queries.parquet"}, "not of cirr_val, as the rankings are"),
        (
            {"rankings": [RANKING / "method=odd/seed=0/rankings.parquet"]},
            "'odd' is not among the methods of the settings",
        ),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(project, capsys, changes, stated):
    status, text = write(project, **changes)
    assert status == 1
    assert text == ""
    assert stated in capsys.readouterr().err
