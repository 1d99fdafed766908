"""Files that members read, by the names of their parameters."""

import pytest

from cirque.errors import CirqueError
from cirque.families import FACTS, INVERSIONS, TRAINERS
from cirque.plan import facts, inputs
from tests.plan.test_jobs import MINI, PAPER

CONFIGS = pytest.mark.parametrize("config", [MINI, PAPER], ids=["mini", "paper"])

#: What stages make for members, so that no file is it.
MADE = {"settings", "seed", "device", "backbone", "image_ids", "image_vectors", "inputs", "work", "dtype"}


@CONFIGS
def test_every_network_of_a_configuration_has_its_inputs(config):
    for network, entry in config["networks"].items():
        found = inputs.of_network(config, network, config["run"]["backbones"][0], "0")
        needed = {name for name, required in TRAINERS.parameters(inputs.trainer(config, network)).items() if required}
        assert needed - MADE <= set(found), (network, entry)
        assert all(found.values())


@CONFIGS
def test_every_inversion_of_a_configuration_has_its_inputs(config):
    for inversion, entry in config["inversions"].items():
        wildcards = {"inversion": inversion, "image_set": "circo", "preprocess": "targetpad", "seed": "0"}
        found = inputs.of_inversion(config, {**wildcards, "backbone": config["run"]["backbones"][0]})
        needed = {name for name, required in INVERSIONS.parameters(entry["kind"]).items() if required}
        assert needed - MADE - {"seconds_between_saves"} <= set(found)


@CONFIGS
def test_every_fact_of_a_configuration_has_its_inputs_and_settings(config):
    for fact in FACTS.names():
        found = {*facts.files(config, fact, config["run"]["backbones"][0]), *facts.settings(config, fact)}
        needed = {name for name, required in FACTS.parameters(fact).items() if required}
        assert needed - {"backbone", "device"} <= found


def test_what_an_entry_does_not_ask_for_is_not_read():
    last = {**PAPER["networks"]["lincir"], "selection": "last"}
    config = {**PAPER, "networks": {"lincir": last, "best": {**last, "selection": "best", "validation": "cirr_val"}}}
    plain, best = (inputs.of_network(config, name, "ViT-L-14", "42") for name in ("lincir", "best"))
    assert set(best) - set(plain) == {"validation_queries", "validation_gallery", "validation_features"}
    assert "image_features" not in plain


def test_a_searle_network_rests_on_the_inversion_of_every_part_of_its_images():
    tokens = inputs.of_network(PAPER, "searle", "ViT-L-14", "42")["tokens"]
    assert len(tokens) == 4
    place = "<scale>/tokens/inversion=oti/image_set=unlabeled/preprocess=targetpad/backbone=ViT-L-14/seed=42"
    assert tokens[0] == f"{place}/00000.parquet"


def test_an_entry_that_does_not_say_of_what_is_refused_with_the_key_that_it_lacks():
    entry = {key: value for key, value in MINI["networks"]["searle"].items() if key != "inversion"}
    config = {**MINI, "networks": {"searle": entry}}
    with pytest.raises(CirqueError, match=r"trainer searle reads tokens, .* needs the key inversion"):
        inputs.of_network(config, "searle", "mini-B-16", "0")
