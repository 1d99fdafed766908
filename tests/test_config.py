from pathlib import Path

import pytest
import yaml

from cirque.config import check, flags
from cirque.errors import CirqueError
from tests.conftest import REPOSITORY

SCHEMA = REPOSITORY / "config/config.schema.yaml"


def configuration(name: str = "config") -> dict:
    return yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text())


def refusal(config: dict) -> str:
    with pytest.raises(CirqueError) as caught:
        check(config, SCHEMA)
    return str(caught.value)


@pytest.mark.parametrize("name", ["config", "paper"])
def test_shipped_configurations_are_accepted(name: str):
    check(configuration(name), SCHEMA)


def test_unknown_key_is_named_with_those_that_exist():
    config = configuration()
    config["inversions"]["oti"]["stepz"] = 3
    assert "inversions.oti: unknown key stepz; known are kind, steps, learning_rate" in refusal(config)


def test_number_out_of_range_is_named():
    config = configuration()
    config["networks"]["searle"]["dropout"] = 1.0
    assert "networks.searle.dropout" in refusal(config)


def test_name_outside_its_list_is_named_with_the_list():
    config = configuration()
    config["networks"]["searle"]["loss"] = "eq4"
    assert "networks.searle.loss: 'eq4' is not one of released, paper" in refusal(config)


def test_yaml_number_without_a_point_is_explained():
    config = configuration()
    config["inversions"]["oti"]["learning_rate"] = yaml.safe_load("1e-4")
    assert "write" in refusal(config) or "wants a point" in refusal(config)


def test_every_fault_is_told_at_once():
    config = configuration()
    config["inversions"]["oti"]["steps"] = 0
    config["networks"]["searle"]["epochs"] = 0
    message = refusal(config)
    assert "inversions.oti.steps" in message
    assert "networks.searle.epochs" in message


@pytest.mark.parametrize("section", ["backbones", "methods"])
def test_name_to_run_must_be_described(section: str):
    config = configuration()
    config["run"][section] = ["nowhere"]
    assert f"run.{section}: 'nowhere' is not described" in refusal(config)


def test_fault_in_an_alternative_speaks_of_the_chosen_one_only():
    config = configuration("paper")
    config["backbones"]["ViT-B-32"]["weights"] = {"source": "random"}
    message = refusal(config)
    assert "'seed' is a required property" in message
    assert "epochs" not in message


def test_every_key_of_the_schema_is_described():
    undescribed = []

    def walk(node: object, path: str) -> None:
        if not isinstance(node, dict):
            return
        for key, value in node.get("properties", {}).items():
            if "description" not in value:
                undescribed.append(f"{path}.{key}")
            walk(value, f"{path}.{key}")
        for value in [node.get("additionalProperties"), *node.get("oneOf", [])]:
            walk(value, path)

    walk(yaml.safe_load(SCHEMA.read_text()), "")
    assert undescribed == []


def test_flags_keep_the_order_of_the_section_and_spread_lists():
    assert (
        flags({"max_length": 35, "metrics": ["R@1", "R@5"], "left": 1}, "left") == "--max-length 35 --metrics R@1 R@5"
    )


def test_flags_are_safe_for_a_shell():
    assert flags({"label": "a b; rm"}) == "--label 'a b; rm'"


def test_paper_values_are_the_released_code(tmp_path: Path):
    paper = configuration("paper")
    assert paper["inversions"]["oti"] | {"batch": None} == {
        "kind": "oti",
        "steps": 350,
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "init_std": 0.02,
        "lambda_cos": 1.0,
        "lambda_gpt": 0.5,
        "ema_decay": 0.99,
        "n_concepts": 15,
        "batch": None,
        "replace": "first",
        "regulariser": "phrases",
    }
    searle = paper["networks"]["searle"]
    assert (searle["learning_rate"], searle["temperature"], searle["n_concepts"]) == (1e-4, 0.25, 150)
    assert (
        paper["phrases"]["n_phrases"],
        paper["phrases"]["temperature"],
        paper["phrases"]["max_length"],
    ) == (256, 0.5, 35)


def test_a_fact_must_be_described_by_names_that_are():
    config = configuration()
    config["facts"]["gap"]["corpus"] = "nowhere"
    del config["facts"]["towers"]
    message = refusal(config)
    assert "facts.gap.corpus: 'nowhere' is not described in the section corpora" in message
    assert "tables.lincir_backbones.facts: 'towers' is not described in the section facts" in message


def test_an_inversion_must_name_a_network_and_a_network_a_corpus_that_are():
    config = configuration()
    config["inversions"]["palavra"]["network"] = "nowhere"
    config["networks"]["palavra"]["corpus"] = "coco"
    message = refusal(config)
    assert "inversions.palavra.network: 'nowhere' is not described in the section networks" in message
    assert "networks.palavra.corpus: 'coco' is not described in the section corpora" in message


def test_each_kind_of_inversion_has_keys_of_its_own():
    config = configuration()
    config["inversions"]["palavra"]["ema_decay"] = 0.9
    assert "inversions.palavra: unknown key ema_decay; known are kind, network, steps" in refusal(config)


def test_paper_values_of_palavra_are_the_released_code():
    paper = configuration("paper")
    palavra = paper["networks"]["palavra"]
    names = ("n_words", "set_size", "width", "epochs", "batch", "learning_rate", "alignment_rate", "dropout")
    assert [palavra[name] for name in names] == [1000, 5, 4096, 300, 256, 1e-4, 1e-4, 0.25]
    names = ("temperature", "lambda_gt", "decay", "decay_every", "schedule")
    assert [palavra[name] for name in names] == [0.25, 512, 0.2, 200, "released"]
    tokens = paper["inversions"]["palavra"]
    assert [tokens[name] for name in ("steps", "learning_rate", "temperature", "coarse")] == [
        30,
        0.01,
        0.25,
        "released",
    ]
