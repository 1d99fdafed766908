"""What a configuration asks for, as the names that stand in paths: pure functions for the Snakefile."""

import csv
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

Config = Mapping[str, Any]

#: Matches nothing: the constraint of a wildcard that a configuration has no value for.
NO_NAME = "(?!)"


def one_of(names: Sequence[str]) -> str:
    """Closed wildcard constraint: exactly one of the names."""
    return "|".join(name.replace(".", r"\.").replace("+", r"\+") for name in names) or NO_NAME


def shards(config: Config, image_set: str) -> list[str]:
    """Names of the shards of an image set: 00000, 00001, …"""
    entry = config["image_sets"][image_set]
    return [f"{index:05d}" for index in range(-(-entry["n_images"] // entry["shard_size"]))]


def parts(config: Config) -> list[str]:
    """Names of the parts that the vocabulary is divided into: 00000, 00001, …"""
    return [f"{index:05d}" for index in range(config["phrases"]["n_parts"])]


def backbones_from(config: Config, source: str) -> list[str]:
    """Backbones whose weights come from `source`: trained, pretrained or random."""
    return [name for name, entry in config["backbones"].items() if entry["weights"]["source"] == source]


def needs(config: Config, method: str, what: str) -> bool:
    """Whether a method builds on the stage `what` (tokens or phi)."""
    return what in config["methods"][method].get("needs", [])


def methods_of(config: Config, benchmark: str) -> list[str]:
    """Methods that can run on a benchmark: a bound reads the answers, so it needs them."""
    hidden = config["benchmarks"][benchmark]["answers"] == "hidden"
    return [name for name in config["run"]["methods"] if not (hidden and config["methods"][name].get("bound"))]


def seeds_of(config: Config, method: str) -> list[int]:
    """Seeds of a method: the configured ones where something is learned, else one."""
    learned = config["methods"][method].get("needs")
    return list(config["run"]["seeds"]) if learned else list(config["run"]["seeds"][:1])


def runs(config: Config, benchmark: str) -> list[dict[str, str]]:
    """Every (backbone, method, seed) of a benchmark, as wildcard values."""
    return [
        {"benchmark": benchmark, "backbone": backbone, "method": method, "seed": str(seed)}
        for backbone in config["run"]["backbones"]
        for method in methods_of(config, benchmark)
        for seed in seeds_of(config, method)
    ]


def annotation_files(dataset: str, split: str) -> dict[str, str]:
    """Annotation files of a split by role, relative to the data root."""
    files: dict[str, str] = import_module(f"cirque.datasets.{dataset}").annotation_files(split)
    return files


def gpu_here() -> int:
    """1 where this machine shows an NVIDIA GPU, else 0: what a job on one GPU asks of a local run."""
    return int(Path("/dev/nvidia0").exists() or bool(os.environ.get("CUDA_VISIBLE_DEVICES", "").strip("-1 ")))


def threads_each(threads: int, cores: int | None) -> int:
    """Threads for torch in a job of `threads` of the `cores` granted to Snakemake.

    `snakemake -c8` on a machine of two cores starts several jobs at once; each then gets its share of what is there.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return threads if not cores else max(1, min(threads, threads * available // cores))


def data_source(config: Config) -> str:
    """Rule file that provides the data: `generate` a world, `rehearse` with stand-in pictures, or `fetch`."""
    if config.get("world"):
        return "generate"
    return "rehearse" if config.get("stand_in_pictures") else "fetch"


def image_folder(dataset: str, split: str) -> str:
    """Folder of the images of a split, relative to the data root."""
    folder: str = import_module(f"cirque.datasets.{dataset}").image_folder(split)
    return folder


def query_files(config: Config, benchmark: str, data_root: str) -> dict[str, str]:
    """Files that a benchmark's queries are read from, by role; generated data also tell answers and captions."""
    entry = config["benchmarks"][benchmark]
    files = annotation_files(entry["dataset"], entry["split"])
    beside = Path(next(iter(files.values()))).parts[0]  # the data set's own folder
    if config.get("world"):
        files["full_captions"] = f"{beside}/mini/full_captions.json"
    if entry["answers"] == "in-separate-file":
        files["answers"] = f"{beside}/mini/answers.{entry['split']}.json"
    return {role: f"{data_root}/{file}" for role, file in files.items()}


def benchmarks_of(config: Config, table: str) -> list[str]:
    """Benchmarks of a table, which is called after their data set."""
    return [name for name in config["run"]["benchmarks"] if config["benchmarks"][name]["dataset"] == table]


def tables(config: Config) -> list[str]:
    """Every table that the configured benchmarks give."""
    return list(dict.fromkeys(config["benchmarks"][name]["dataset"] for name in config["run"]["benchmarks"]))


def server_files(dataset: str) -> tuple[str, ...]:
    """Names of the files for a data set's test server."""
    files: tuple[str, ...] = import_module(f"cirque.submissions.{dataset}").FILES
    return files


def served(config: Config) -> dict[str, list[str]]:
    """Benchmarks whose answers are not in the annotation files, by data set: they have a test server."""
    found: dict[str, list[str]] = {}
    for name, entry in config["benchmarks"].items():
        if entry["answers"] != "in-annotations":
            found.setdefault(entry["dataset"], []).append(name)
    return found


def submissions(config: Config, benchmarks: Sequence[str]) -> list[dict[str, str]]:
    """Every server file of the benchmarks that have a test server, as wildcard values; a bound is not submitted."""
    return [
        {**run, "server_file": file}
        for dataset, names in served(config).items()
        for benchmark in names
        if benchmark in benchmarks
        for run in runs(config, benchmark)
        if not config["methods"][run["method"]].get("bound")
        for file in server_files(dataset)
    ]


def method_module(method: str) -> str:
    """Module of a method: `searle-oti` is in cirque.methods.searle_oti."""
    return f"cirque.methods.{method.replace('-', '_')}"


def fetchable_files(registry: Path) -> list[str]:
    """Files of the data registry that the stage fetch knows, relative to the data root."""
    with registry.open(encoding="utf-8", newline="") as stream:
        return [row["file"] for row in csv.DictReader(stream, delimiter="\t")]


def table_settings(config: Config) -> dict[str, Any]:
    """What a table says about its configuration: names, labels, protocol and comparability, but no hyper-parameters."""
    keys = ("scale", "comparable", "not_comparable_because", "run", "tolerance", "benchmarks", "methods")
    settings = {key: config.get(key) for key in keys}
    settings["backbones"] = {
        name: {"stands_for": entry["stands_for"], "model": entry["model"]}
        for name, entry in config["backbones"].items()
    }
    return settings
