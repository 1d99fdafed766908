"""The schema, the modules' settings and the configurations say the same."""

import pytest

from cirque.families import INVERSIONS, TRAINERS, fields
from cirque.plan import members
from cirque.plan.jobs import UNTRAINED
from cirque.plan.layers import read
from tests.configurations import configured
from tests.conftest import REPOSITORY

SCHEMA = read(REPOSITORY / "config/config.schema.yaml")["properties"]
SOURCE = REPOSITORY / "src/cirque"


def described(section, key, member):
    """Keys that the schema describes for a member, without those that say of what its files are."""
    (found,) = (
        one["properties"]
        for one in SCHEMA[section]["additionalProperties"]["oneOf"]
        if one["properties"].get(key, {}).get("const") == member
    )
    return set(found) - {key, "source", "by_backbone"} - members.OF_WHAT


@pytest.mark.parametrize("trainer", sorted(set(TRAINERS.names()) - set(UNTRAINED)))
def test_the_schema_describes_the_settings_of_every_trainer(trainer):
    assert described("networks", "trainer", trainer) == set(TRAINERS.fields(trainer))


@pytest.mark.parametrize("inversion", INVERSIONS.names())
def test_the_schema_describes_the_settings_of_every_inversion(inversion):
    assert described("inversions", "kind", inversion) == set(INVERSIONS.fields(inversion))


def test_the_schema_describes_the_sampling_of_phrases():
    assert set(SCHEMA["phrases"]["properties"]) - {"n_parts", "released"} == set(
        fields(SOURCE / "texts/phrases.py", "Settings")
    )


def test_the_schema_describes_how_a_clip_is_trained():
    settings = set(fields(SOURCE / "trainers/clip.py", "Settings"))
    for one in SCHEMA["backbones"]["additionalProperties"]["properties"]["weights"]["oneOf"]:
        if one["properties"]["source"].get("const") == "trained":
            assert set(one["properties"]) - {"source"} == settings


@pytest.mark.parametrize("name", ["config", "paper"])
def test_every_entry_of_a_configuration_fits_its_module(name):
    assert members.faults(configured(name)) == []


def test_an_unknown_or_missing_setting_is_named():
    config = configured("config")
    entry = {key: value for key, value in config["networks"]["searle"].items() if key != "epochs"}
    config["networks"] = {"mine": {**entry, "speed": 3}, "other": {**entry, "trainer": "invented"}}
    unknown, missing, trainer, *_ = members.faults(config)
    assert "networks.mine: trainer searle has no setting speed; it has epochs" in unknown
    assert missing == "networks.mine: trainer searle needs epochs"
    assert "networks.other.trainer: no trainer is called 'invented'; there are combiner, lincir" in trainer
