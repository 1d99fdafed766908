"""Members of families in a configuration: each entry is held against what its module takes, read without an import."""

from collections.abc import Iterator, Mapping
from typing import Any

from cirque.families import FACTS, INVERSIONS, TRAINERS, Family
from cirque.plan import facts, inputs, jobs

Config = Mapping[str, Any]

#: Keys of an entry that say of what its files are; `cirque.plan.inputs` reads them.
OF_WHAT = frozenset({"image_set", "inversion", "corpora", "corpus", "network", "validation", "preprocess"})


#: What the stage makes for a fact.
MADE_FOR_FACTS = frozenset({"backbone", "device"})


def faults(config: Config) -> list[str]:
    """A sentence for each entry that its module does not know, or that lacks what it takes."""
    networks = {name: entry for name, entry in config["networks"].items() if entry["source"] not in jobs.UNTRAINED}
    found = list(_of_section("networks", networks, TRAINERS, "trainer", {"source", "by_backbone"}))
    found += _of_section("inversions", config["inversions"], INVERSIONS, "kind", set())
    return [*found, *_of_facts(config)]


def _of_section(
    section: str, entries: Mapping[str, Mapping[str, Any]], family: Family, key: str, others: set[str]
) -> Iterator[str]:
    for name, entry in entries.items():
        member, where = str(entry[key]), f"{section}.{name}"
        if member not in family.names():
            yield f"{where}.{key}: no {family.noun} is called {member!r}; there are {', '.join(family.names())}"
            continue
        fields = family.fields(member)
        unknown = [word for word in entry if word not in {*fields, *OF_WHAT, *others, key}]
        missing = [word for word, required in fields.items() if required and word not in entry]
        if unknown:
            yield f"{where}: {family.noun} {member} has no setting {', '.join(unknown)}; it has {', '.join(fields)}"
        if missing:
            yield f"{where}: {family.noun} {member} needs {', '.join(missing)}"


def _of_facts(config: Config) -> Iterator[str]:
    named = {fact for entry in config["tables"].values() for fact in entry.get("facts", []) if fact in FACTS.names()}
    for fact in sorted(named):
        entry = config.get("facts", {}).get(fact, {})
        given = {*entry, *inputs.INPUTS, *facts.SETTINGS, *MADE_FOR_FACTS}
        missing = [name for name, required in FACTS.parameters(fact).items() if required and name not in given]
        if missing:
            yield f"facts.{fact}: a table states it, and it needs {', '.join(missing)}"
    for fact, entry in config.get("facts", {}).items():
        if fact not in FACTS.names():
            yield f"facts.{fact}: no fact is called {fact!r}; there are {', '.join(FACTS.names())}"
            continue
        known = {*FACTS.parameters(fact), *OF_WHAT}
        unknown = [word for word in entry if word not in known]
        if unknown:
            yield f"facts.{fact}: takes no {', '.join(unknown)}; it takes {', '.join(sorted(known))}"
