"""What tables read below the data root: through benchmarks, methods, networks, inversions, facts and backbones.

for need in needs(config, ["cirr"]): print(need.name, need.files, need.folders)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cirque.plan import inputs, jobs

Config = Mapping[str, Any]

#: Keys by which an entry names what it reads, and the sections of these names.
_NAMED = {
    "image_set": "image_sets",
    "inversion": "inversions",
    "corpora": "corpora",
    "corpus": "corpora",
    "network": "networks",
    "validation": "benchmarks",
}

#: The same of what a method needs.
_NEEDED = {"tokens": "inversions", "phi": "networks"}

#: Where the classes' names come from, with the section and name that stand for them.
_VOCABULARY = ("vocabulary", "openimages")


@dataclass
class Need:
    """Files of one kind that tables read, all relative to the data root.

    Attributes:
        name: in words.
        dataset: module of the data set, for an image set.
        split: of it.
        files: annotation files, lists or texts.
        folders: of images.
        n_images: that the image set has.
        tables: that read it.
    """

    name: str
    dataset: str = ""
    split: str = ""
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    n_images: int = 0
    tables: list[str] = field(default_factory=list)


def needs(config: Config, tables: Sequence[str]) -> list[Need]:
    """Everything that some tables read, in the order in which they name it; each once, with its tables."""
    found: dict[tuple[str, str], Need] = {}
    for table in tables:
        for place in dict.fromkeys(_reached(config, list(_of_table(config, table)))):
            need = found.setdefault(place, _need(config, *place)) if _is_data(config, *place) else None
            if need is not None:
                need.tables.append(table)
    return list(found.values())


def _of_table(config: Config, table: str) -> Iterator[tuple[str, str]]:
    """What a table's runs and facts name."""
    for run in jobs.runs(config, table):
        yield "benchmarks", run["benchmark"]
        for key, name in jobs.needs(config, run["method"]).items():
            if key in _NEEDED:
                yield _NEEDED[key], name
        if config["backbones"][run["backbone"]]["weights"]["source"] == "finetuned":
            yield "image_sets", jobs.finetuning(config, run["backbone"])["image_set"]
    for fact in config["tables"][table].get("facts", []):
        yield from _named_by(config.get("facts", {}).get(fact, {}))


def _named_by(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, section in _NAMED.items():
        names = entry.get(key, [])
        for name in [names] if isinstance(names, str) else names:
            yield section, name


def _reached(config: Config, places: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Places, and what they name in turn, each once."""
    seen: set[tuple[str, str]] = set()
    while places:
        place = places.pop(0)
        if place in seen:
            continue
        seen.add(place)
        yield place
        section, name = place
        if section == "inversions":
            places.append(_VOCABULARY)
        if section != _VOCABULARY[0] and not (
            section == "networks" and config["networks"][name]["source"] in jobs.UNTRAINED
        ):
            places += _named_by(config[section][name])


def _is_data(config: Config, section: str, name: str) -> bool:
    return section in {"benchmarks", "image_sets", "corpora", _VOCABULARY[0]} or (
        section == "networks" and config["networks"][name]["source"] == "released"
    )


def _need(config: Config, section: str, name: str) -> Need:
    entry = config[section][name] if section in config else {}
    if section == "benchmarks":
        files = jobs.query_files(config, name, "").values()
        return Need(f"queries of {name}", files=tuple(file.removeprefix("/") for file in files))
    if section == "image_sets":
        dataset, split = entry["dataset"], entry["split"]
        lists = [file for role, file in jobs.annotation_files(dataset, split).items() if role.startswith("split")]
        return Need(
            f"images of {name}", dataset, split, tuple(lists), jobs.image_folders(dataset, split), entry["n_images"]
        )
    if section == "corpora":
        return Need(f"corpus {name}", files=(entry["file"],))
    if section == "networks":
        return Need(f"released network {name}", files=(entry["file"],))
    return Need("vocabulary of concepts", files=(inputs.VOCABULARY.removeprefix("<data>/"),))
