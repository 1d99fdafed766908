"""Where a configuration's data come from: files and folders of its data sets, and what makes those that are not there.

    sources.annotation_files("circo", "val")  # {"queries": "CIRCO/annotations/val.json", …}

All paths are relative to the data root.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cirque import datasets
from cirque.families import GENERATORS

Config = Mapping[str, Any]


def annotation_files(dataset: str, split: str) -> dict[str, str]:
    """Annotation files of a split by role, relative to the data root."""
    files: dict[str, str] = import_module(f"cirque.datasets.{dataset}").annotation_files(split)
    return files


def data_source(config: Config) -> str:
    """Rule file that provides the data: `generate` a world, `rehearse` with stand-in pictures, or `fetch`."""
    if config.get("world"):
        return "generate"
    return "rehearse" if config.get("stand_in_pictures") else "fetch"


def dataset(config: Config, image_set: str) -> str:
    """Data set of an image set."""
    return str(config["image_sets"][image_set]["dataset"])


def image_list(config: Config, image_set: str) -> str:
    """The file that lists an image set, relative to the data root."""
    entry = config["image_sets"][image_set]
    return annotation_files(entry["dataset"], entry["split"])["split"]


def image_folders(dataset: str, split: str) -> tuple[str, ...]:
    """Folders of the images of a split, relative to the data root."""
    folders: tuple[str, ...] = import_module(f"cirque.datasets.{dataset}").image_folders(split)
    return folders


def made_folders(config: Config, dataset: str, folders: Sequence[str]) -> list[str]:
    """Those of a data set's folders that a rule makes out of nothing, whatever the scale."""
    prepared, given = prepared_and_given(dataset)
    return [folder for folder in folders if folder in prepared and not given and config.get(dataset)]


def generators(config: Config) -> list[str]:
    """Generators of what the configuration's world can hold: its benchmarks' data sets, and all other data."""
    names = {entry["dataset"] for entry in config["benchmarks"].values()}
    return [name for name in GENERATORS.names() if name in names or _declared(name)]


def _declared(generator: str) -> dict[str, list[str]]:
    """What a generator says that it writes; nothing if a data set knows."""
    kinds = {"folders": "FOLDERS", "files": "FILES"}
    found = {kind: list(GENERATORS.literal(generator, name, ())) for kind, name in kinds.items()}
    return found if any(found.values()) else {}


def world_of(config: Config, generator: str) -> dict[str, Any]:
    """What a generator reads of the section `world`, by the names of its parameters."""
    return {key: config["world"][key] for key in GENERATORS.parameters(generator) if key in config["world"]}


def generated(config: Config, dataset: str) -> dict[str, list[str]]:
    """What a generator writes, relative to the data root: `folders` and `files`.

    It says so itself, or its data set knows: all that its image sets and benchmarks read, but for what a stage of
    preparation makes out of it (PREPARED of its
    module, from what is GIVEN).
    """
    declared = _declared(dataset)
    if declared:
        return declared
    module = import_module(f"cirque.datasets.{dataset}")
    sets = [entry for entry in config["image_sets"].values() if entry["dataset"] == dataset]
    benchmarks = {name: entry for name, entry in config["benchmarks"].items() if entry["dataset"] == dataset}
    folders = [folder for entry in sets for folder in module.image_folders(entry["split"])]
    files = [
        file for entry in [*sets, *benchmarks.values()] for file in module.annotation_files(entry["split"]).values()
    ]
    for name in benchmarks:
        roles = query_files(config, name, "")
        files += [roles[role].lstrip("/") for role in ("full_captions", "answers") if role in roles]
    prepared, given = prepared_and_given(dataset)
    return {"folders": _once(folders, prepared), "files": _once([*files, *given], prepared)}


def prepared_and_given(dataset: str) -> tuple[set[str], tuple[str, ...]]:
    """What a stage makes out of a data set's files, and the files that it makes it of."""
    module = import_module(f"cirque.datasets.{dataset}")
    return set(getattr(module, "PREPARED", ())), tuple(getattr(module, "GIVEN", ()))


def release_of(dataset: str, kind: str) -> tuple[str, ...]:
    """Files or folders that stand in for what a data set's stages make out of nothing."""
    found: Mapping[str, tuple[str, ...]] = getattr(import_module(f"cirque.datasets.{dataset}"), "RELEASE", {})
    return found.get(kind, ())


def _once(names: Sequence[str], without: set[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name not in without]


def deriving_module(config: Config, image_set: str) -> dict[str, str]:
    """The data set that makes a set's images out of parts of files, as an argument of the stage shard; or nothing."""
    dataset = config["image_sets"][image_set]["dataset"]
    return {"dataset": dataset} if datasets.derivation(dataset) else {}


def query_files(config: Config, benchmark: str, data_root: str) -> dict[str, str]:
    """Files that a benchmark's queries are read from, by role; generated data also tell answers and captions."""
    entry = config["benchmarks"][benchmark]
    files = annotation_files(entry["dataset"], entry["split"])
    beside = Path(next(iter(files.values()))).parts[0]  # the data set's own folder
    if config.get("world") and entry["dataset"] in GENERATORS.names():
        files["full_captions"] = f"{beside}/mini/full_captions.json"
    if entry["answers"] == "in-separate-file":
        files["answers"] = f"{beside}/mini/answers.{entry['split']}.json"
    return {role: f"{data_root}/{file}" for role, file in files.items()}


def title(dataset: str) -> str:
    """Name of a data set in print."""
    return str(import_module(f"cirque.datasets.{dataset}").TITLE)
