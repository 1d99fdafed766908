"""What the texts of a configuration may hold."""

import pytest

from cirque.plan import values
from tests.plan.test_jobs import MINI, PAPER

CAPTIONED = "benchmarks.cirr_val.prompt"


def of_prompt(prompt, key="prompt"):
    return values.faults({"benchmarks": {"cirr_val": {key: prompt}}})


@pytest.mark.parametrize("config", [MINI, PAPER], ids=["mini", "paper"])
def test_what_is_shipped_has_no_fault(config):
    assert values.faults(config) == []


@pytest.mark.parametrize("prompt", ["a photo of $ that {caption}", "a photo of $ , {caption}", "{caption} of $"])
def test_a_prompt_with_words_and_a_token_of_its_own_is_taken(prompt):
    assert of_prompt(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("a photo of $ that", "must hold {caption} once"),
        ("{caption} $ {caption}", "must hold {caption} once"),
        ("a photo of $ that {captions}", "must hold {caption} once"),
        ("a photo of $ that {}", "must hold {caption} once"),
        ("a photo of $ that {caption[0]}", "must hold {caption} once"),
        ("a photo of $ that {caption", "is no prompt"),
        ("a photo of $, {caption}", "put spaces around $"),
        ("a photo of {caption}", "has no place for the pseudo token"),
        ("a photo of $\n that {caption}", "line break"),
    ],
)
def test_a_prompt_that_loses_words_or_token_is_refused_by_its_key(prompt, fault):
    (found,) = [sentence for sentence in of_prompt(prompt) if fault in sentence]
    assert found.startswith(CAPTIONED)


def test_a_prompt_of_the_words_alone_holds_no_token():
    assert of_prompt("a photo that {caption}", "text_prompt") == []
    assert "leave $ out" in of_prompt("a photo of $ that {caption}", "text_prompt")[0]


@pytest.mark.parametrize("path", ["data", "/my data/o'brien", "../bilder_ü", "/data/中文"])
def test_a_folder_may_have_any_ordinary_name(path):
    assert values.faults({"data_root": path}) == []


@pytest.mark.parametrize("path", ["data/$(touch x)", "data/`id`", "data/{shard}", "data;ls", 'a"b', "a\nb", " "])
def test_a_path_that_cannot_be_meant_is_refused_by_its_key(path):
    assert values.faults({"data_root": path})[0].startswith("data_root: ")
    assert values.faults({"corpora": {"x": {"file": path}}})[0].startswith("corpora.x.file: ")


@pytest.mark.parametrize("name", ["x$(touch y)", "a;b", "'", "-rf", "", "ViT\n"])
def test_a_model_s_name_is_a_name(name):
    assert values.faults({"backbones": {"b": {"model": name}}})[0].startswith("backbones.b.model: ")


@pytest.mark.parametrize("path", ["/models/en core web", "./wheels/o'brien.whl"])
def test_a_model_may_be_a_path(path):
    assert values.faults({"tagger": {"model": path}}) == []


@pytest.mark.parametrize("path", ["/models/$(touch x)", "$(touch x)", "./a;b"])
def test_a_model_s_path_is_a_path(path):
    assert values.faults({"tagger": {"model": path}})[0].startswith("tagger.model: ")


@pytest.mark.parametrize("name", ["ViT-B-32-quickgelu", "hf-hub:org/name", "en_core_web_sm", "laion2b_s32b_b79k"])
def test_names_of_models_and_tags_are_names(name):
    assert values.faults({"backbones": {"b": {"model": name}}}) == []


def test_home_and_variables_are_expanded_in_paths_alone(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("STORE", "/store")
    config = {"data_root": "~/sets", "annotations": "$STORE/a", "methods": {"m": {"label": "~ $STORE"}}, "steps": 3}
    assert values.expanded({"tagger": {"model": "~/tagger"}}) == {"tagger": {"model": "/home/me/tagger"}}
    assert values.expanded(config) == {
        "data_root": "/home/me/sets",
        "annotations": "/store/a",
        "methods": {"m": {"label": "~ $STORE"}},
        "steps": 3,
    }
