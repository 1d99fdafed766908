"""Layers: a scale over what the papers say, variants by `like`, backbones by what they stand for."""

import pytest
import yaml

from cirque.errors import CirqueError
from cirque.plan.layers import layered
from tests.configurations import configured

PAPERS = {
    "networks": {
        "searle": {"trainer": "searle", "loss": "released"},
        "searle-cosine": {"like": "searle", "loss": "cosine"},
    },
    "tables": {
        "cirr": {
            "benchmarks": ["cirr_val"],
            "backbones": ["ViT-B/32"],
            "only": {"searle": ["ViT-L/14"]},
            "also": {"ViT-L/14": ["lincir"], "ViT-H/14": ["lincir"]},
        }
    },
    "methods": {"searle": {"label": "SEARLE"}, "lincir": {"label": "LinCIR"}},
    "tolerance": 0.1,
}
BACKBONES = {
    "tiny": {"stands_for": "ViT-B/32"},
    "large": {"stands_for": "ViT-L/14"},
    "other": {"stands_for": "ViT-B/32"},
}


@pytest.fixture
def papers(tmp_path):
    path = tmp_path / "papers.yaml"
    path.write_text(yaml.safe_dump(PAPERS))
    return path


def test_a_variant_takes_over_what_the_scale_says_of_its_base(papers):
    found = layered({"networks": {"searle": {"epochs": 3}}}, papers)["networks"]
    assert found["searle"] == {"trainer": "searle", "loss": "released", "epochs": 3}
    assert found["searle-cosine"] == {"trainer": "searle", "loss": "cosine", "epochs": 3}


def test_a_value_of_the_scale_takes_the_place_of_the_papers(papers):
    assert layered({"tolerance": 0.5}, papers)["tolerance"] == 0.5


def test_an_entry_that_is_null_is_left_out_and_a_further_one_comes_last(papers):
    found = layered({"methods": {"lincir": None, "toy": {"label": "Toy"}}}, papers)["methods"]
    assert list(found) == ["searle", "toy"]


def test_a_configuration_that_asks_for_no_papers_stands_alone(papers):
    assert layered({"papers": None, "scale": "tiny"}, papers) == {"scale": "tiny"}


def test_tables_run_the_backbone_that_stands_for_the_papers(papers):
    table = layered({"backbones": BACKBONES, "run": {"backbones": ["tiny"]}}, papers)["tables"]["cirr"]
    assert table["backbones"] == ["tiny"]
    assert table["only"] == {"searle": ["large"]}


def test_of_backbones_beside_a_tables_own_those_that_the_scale_has_none_for_are_left_out(papers):
    given = {"backbones": BACKBONES, "run": {"backbones": ["tiny"]}}
    assert layered(given, papers)["tables"]["cirr"]["also"] == {"large": ["lincir"]}
    assert "also" not in layered({**given, "tables": {"cirr": {"also": None}}}, papers)["tables"]["cirr"]


def test_of_no_one_that_all_tables_run_each_that_stands_for_it_is_taken(papers):
    table = layered({"backbones": BACKBONES, "run": {"backbones": []}}, papers)["tables"]["cirr"]
    assert table["backbones"] == ["tiny", "other"]


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ({"a": {"like": "b"}}, r"networks\.a\.like: there is no 'b' in networks"),
        ({"a": {"like": "a"}}, r"networks\.a: is like a, which is like it in turn"),
        ({"a": {"like": "b"}, "b": {"like": "a"}}, "in turn"),
    ],
)
def test_a_like_without_an_end_is_refused(papers, networks, message):
    with pytest.raises(CirqueError, match=message):
        layered({"networks": networks}, papers)


def test_a_broken_layer_is_refused_by_name(tmp_path):
    (tmp_path / "papers.yaml").write_text("a: [")
    with pytest.raises(CirqueError, match=r"papers\.yaml: broken YAML"):
        layered({}, tmp_path / "papers.yaml")


def test_both_scales_share_tables_methods_and_benchmarks():
    mini, paper = configured("config"), configured("paper")
    assert list(mini["tables"]) == list(paper["tables"])
    assert set(mini["benchmarks"]) <= set(paper["benchmarks"])
    only_at_full_size = set(paper["benchmarks"]) - set(mini["benchmarks"])  # the mini world's pictures are square
    assert only_at_full_size == {"cirr_val_padded", "fashioniq_val_padded"}
    assert set(mini["methods"]) - set(paper["methods"]) == {"upper-bound"}
