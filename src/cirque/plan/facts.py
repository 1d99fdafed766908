"""Facts of the configuration's tables: which files of facts there are, and what each reads.

A fact names what it takes by its parameters: files, as of `cirque.plan.inputs`, and settings, which are keys of its
entry in the section `facts` or follow from it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cirque.families import FACTS
from cirque.plan import inputs, jobs, sources
from cirque.plan.paths import IN_RULES

Config = Mapping[str, Any]
Entry = Mapping[str, Any]


def of_a_backbone(fact: str) -> bool:
    """Whether a fact is stated of each backbone of a table."""
    return "backbone" in FACTS.parameters(fact)


def of_table(config: Config, table: str) -> list[str]:
    """Every file of facts of a table."""
    return [
        file
        for fact in config["tables"][table].get("facts", [])
        if fact not in config.get("missing", {}).get("facts", {})
        for file in (
            [
                IN_RULES.facts_of_backbone.format(fact=fact, backbone=backbone)
                for backbone in jobs.contents(config, table)["backbones"]
            ]
            if of_a_backbone(fact)
            else [IN_RULES.facts.format(fact=fact)]
        )
    ]


def counted(config: Config) -> list[str]:
    """Benchmarks whose sizes some table states."""
    stating = [name for name in jobs.tables(config) if "sizes" in config["tables"][name].get("facts", [])]
    named = dict.fromkeys(name for table in stating for name in jobs.contents(config, table)["benchmarks"])
    return [name for name in named if name not in config.get("missing", {}).get("benchmarks", {})]


def _of_images(key: str) -> Callable[[Config, Entry], Any]:
    return lambda config, entry: config["image_sets"][entry["image_set"]][key]


def _of_network(key: str) -> Callable[[Config, Entry], Any]:
    return lambda config, entry: config["networks"][entry["network"]][key]


#: Settings that are no key of a fact's entry, by the name of the parameter.
SETTINGS: Mapping[str, Callable[[Config, Entry], Any]] = {
    "benchmarks": lambda config, entry: counted(config),
    "printed_as": lambda config, entry: [
        sources.title(config["benchmarks"][name]["dataset"]) for name in counted(config)
    ],
    "splits": lambda config, entry: [config["benchmarks"][name]["split"] for name in counted(config)],
    "dataset": lambda config, entry: sources.title(_of_images("dataset")(config, entry)),
    "split": _of_images("split"),
    "seed": lambda config, entry: config["run"]["seeds"][0],
    "resamples": lambda config, entry: config["bootstrap"]["resamples"],
    "bootstrap_seed": lambda config, entry: config["bootstrap"]["seed"],
    "level": lambda config, entry: config["bootstrap"]["level"],
    **{key: _of_network(key) for key in ("architecture", "n_layers", "middle_dim", "dropout")},
}


def settings(config: Config, fact: str) -> dict[str, Any]:
    """What a fact takes besides files."""
    entry = config.get("facts", {}).get(fact, {})
    return {
        name: entry[name] if name in entry else SETTINGS[name](config, entry)
        for name in FACTS.parameters(fact)
        if name in entry or name in SETTINGS
    }


def files(config: Config, fact: str, backbone: str = "") -> dict[str, inputs.Files]:
    """Files that a fact reads, by the names of its parameters; those of a backbone are of the first seed."""
    entry = {"benchmarks": counted(config), **config.get("facts", {}).get(fact, {})}
    subject = inputs.Subject(config, entry, backbone, str(config["run"]["seeds"][0]))
    return inputs.of_member(FACTS, fact, subject)
