"""What tables read below the data root: through benchmarks, methods, networks, inversions, facts and backbones.

for need in needs(config, ["cirr"]): print(need.name, need.files, need.folders)
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cirque.families import FACTS
from cirque.plan import inputs, jobs, sources, unpacking

Config = Mapping[str, Any]

#: Keys by which an entry names what it reads, and the sections of these names.
_NAMED = {
    "image_set": "image_sets",
    "inversion": "inversions",
    "corpora": "corpora",
    "corpus": "corpora",
    "network": "networks",
    "validation": "benchmarks",
    "reference_set": "image_sets",
}

#: The same of what a method needs.
_NEEDED = {"tokens": "inversions", "phi": "networks"}

#: Where the classes' names come from, with the section and name that stand for them.
_VOCABULARY = ("vocabulary", "openimages")
_PHRASES = ("phrases", "released")


#: Variable of the environment by which a job's own Snakemake knows what the main one left out.
_PASSED_ON = "CIRQUE_MISSING"

#: A section of the configuration and a name in it.
Place = tuple[str, str]

#: What the data at hand do not allow: for each section its names, with the reason.
Missing = Mapping[str, Mapping[str, str]]


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
    found: dict[Place, Need] = {}
    for table in tables:
        for place in dict.fromkeys(_reached(config, list(_of_table(config, table)))):
            need = found.setdefault(place, _need(config, *place)) if _is_data(config, *place) else None
            if need is not None:
                need.tables.append(table)
    return list(found.values())


def missing(config: Config, registry: Path) -> Missing:
    """Benchmarks, methods, backbones, trainings and facts for which data are not there that no rule can fetch or draw.

    A file or a folder counts; whether a folder holds every image is seen when it is listed.

    Args:
        config: of real data.
        registry: config/datasets.tsv.
    """
    fetched = unpacking.brought(config, registry)
    root = Path(config["data_root"])
    reasons: dict[Place, str] = {}

    def reason(places: list[Place]) -> str:
        for place in _reached(config, places):
            if _is_data(config, *place) and place not in reasons:
                reasons[place] = _lack(_need(config, *place), root, fetched)
        return next((reasons[place] for place in _reached(config, places) if reasons.get(place)), "")

    asked: dict[str, dict[str, list[Place]]] = {
        "benchmarks": {name: [("benchmarks", name)] for name in config["benchmarks"]},
        "methods": {name: list(_of_method(config, name)) for name in config["methods"]},
        "backbones": {name: list(_of_backbone(config, name)) for name in config["backbones"]},
        "trainings": {name: [("trainings", name)] for name in config.get("trainings", {})},
        "facts": {name: list(_of_fact(config, name)) for name in config.get("facts", {})},
    }
    found = {
        section: {name: why for name, places in names.items() if (why := reason(places))}
        for section, names in asked.items()
    }
    return {section: names for section, names in found.items() if names}


def pass_on(missing: Missing) -> None:
    """Tell the processes that this one starts what was missing when it planned."""
    os.environ[_PASSED_ON] = json.dumps(missing)


def passed_on() -> Missing:
    """What was missing when the process that started this one planned."""
    found: Missing = json.loads(os.environ.get(_PASSED_ON, "{}"))
    return found


def absent(need: Need, root: Path, fetched: Collection[str]) -> list[str]:
    """Files and folders of a need that are not there and that no rule fetches; a folder ends in /.

    Args:
        need: what is looked for.
        root: folder of the data sets.
        fetched: files and folders that a rule brings (`unpacking.brought`).
    """
    files = [file for file in need.files if file not in fetched and not (root / file).is_file()]
    folders = [f"{folder}/" for folder in need.folders if not (root / folder).is_dir()]
    return files + [folder for folder in folders if folder not in fetched]


def _lack(need: Need, root: Path, fetched: Collection[str]) -> str:
    """What of a need is absent, as a reason."""
    names = absent(need, root, fetched)
    return f"{need.name}: no {', '.join(names)} below {root}" if names else ""


def _of_table(config: Config, table: str) -> Iterator[Place]:
    """What a table's runs and facts name."""
    for run in jobs.runs(config, table):
        yield "benchmarks", run["benchmark"]
        training = jobs.training_of(config, run["benchmark"], run["method"])
        yield from [("trainings", training)] if training else []
        yield from _of_method(config, run["method"])
        yield from _of_backbone(config, run["backbone"])
    for fact in config["tables"][table].get("facts", []):
        yield from _of_fact(config, fact)


def _of_fact(config: Config, fact: str) -> Iterator[Place]:
    """What a fact names; of a network that it does not read it states the settings alone."""
    reads_phi = "phi" in FACTS.parameters(fact)
    entry = config.get("facts", {}).get(fact, {})
    yield from (place for place in _named_by(entry) if reads_phi or place[0] != "networks")


def _of_method(config: Config, method: str) -> Iterator[Place]:
    for key, name in jobs.needs(config, method).items():
        if key in _NEEDED:
            yield _NEEDED[key], name


def _of_backbone(config: Config, backbone: str) -> Iterator[Place]:
    if config["backbones"][backbone]["weights"]["source"] == "finetuned":
        yield "image_sets", jobs.finetuning(config, backbone)["image_set"]


def _named_by(entry: Mapping[str, Any]) -> Iterator[Place]:
    for key, section in _NAMED.items():
        names = entry.get(key, [])
        for name in [names] if isinstance(names, str) else names:
            yield section, name


def _reached(config: Config, places: Sequence[Place]) -> Iterator[Place]:
    """Places, and what they name in turn, each once."""
    seen: set[Place] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop(0)
        if place in seen:
            continue
        seen.add(place)
        yield place
        section, name = place
        if section == "inversions":
            waiting += [_VOCABULARY, *([_PHRASES] if "released" in config["phrases"] else [])]
        if section not in (_VOCABULARY[0], _PHRASES[0]) and not (
            section == "networks" and config["networks"][name]["source"] in jobs.UNTRAINED
        ):
            waiting += _named_by(config[section][name])


def _is_data(config: Config, section: str, name: str) -> bool:
    return section in {"benchmarks", "image_sets", "trainings", "corpora", _VOCABULARY[0], _PHRASES[0]} or (
        section == "networks"
        and (config["networks"][name]["source"] == "released" or jobs.learns_from_triplets(config, name))
    )


def _need(config: Config, section: str, name: str) -> Need:
    entry = config[section][name] if section in config else {}
    if section == "benchmarks":
        files = [file.removeprefix("/") for file in sources.query_files(config, name, "").values()]
        return Need(f"queries of {name}", files=_of_a_person(config, entry["dataset"], files))
    if section == "image_sets":
        dataset, split = entry["dataset"], entry["split"]
        lists = [file for role, file in sources.annotation_files(dataset, split).items() if role.startswith("split")]
        folders = _of_a_person(config, dataset, sources.image_folders(dataset, split), "folders")
        return Need(
            f"images of {name}", dataset, split, _of_a_person(config, dataset, lists), folders, entry["n_images"]
        )
    if section == "trainings" or (section == "networks" and jobs.learns_from_triplets(config, name)):
        of = config["image_sets"][entry["image_set"]]
        lists = list(sources.annotation_files(of["dataset"], of["split"]).values())
        return Need(f"triplets of {name}", files=_of_a_person(config, of["dataset"], lists))
    if section == "corpora":
        return Need(f"corpus {name}", files=(entry["file"],))
    if section in ("networks", _PHRASES[0]):
        what = f"released network {name}" if section == "networks" else "released phrases"
        return Need(what, files=(entry["file"],))
    return Need("vocabulary of concepts", files=(inputs.VOCABULARY.removeprefix("<data>/"),))


def _of_a_person(config: Config, dataset: str, paths: Iterable[str], kind: str = "files") -> tuple[str, ...]:
    """Files or folders of a data set; for what a stage makes of others, these others.

    What a stage makes out of nothing is of a person, too, where the configuration has no section for it: its RELEASE.
    """
    prepared, given = sources.prepared_and_given(dataset)
    own = tuple(path for path in paths if path not in prepared)
    return own or given or (() if config.get(dataset) else sources.release_of(dataset, kind))
