"""What a configuration asks for, as the names that stand in paths: pure functions for the Snakefile."""

from collections.abc import Mapping, Sequence
from typing import Any

from cirque import datasets
from cirque.families import ENCODERS, SUBMISSIONS, TRAINERS, reads_texts
from cirque.plan import sources

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


def image_parts(config: Config, image_set: str) -> list[str]:
    """Names of the parts of an image set, some shards each, of which one job makes features: 00000, 00001, …"""
    return [f"{index:05d}" for index in range(-(-len(shards(config, image_set)) // config["shards_per_part"]))]


def shards_of_part(config: Config, image_set: str, part: str) -> list[str]:
    """Names of the shards of a part of an image set."""
    first = int(part) * config["shards_per_part"]
    return shards(config, image_set)[first : first + config["shards_per_part"]]


def of_images(config: Config, pattern: str, image_set: str, **values: object) -> list[str]:
    """Files of a pattern over an image set: one for each of its shards or parts, or one for the whole."""
    for key, names in (("shard", shards), ("part", image_parts)):
        if f"{{{key}}}" in pattern:
            return [pattern.format(image_set=image_set, **values, **{key: name}) for name in names(config, image_set)]
    return [pattern.format(image_set=image_set, **values)]


def parts(config: Config) -> list[str]:
    """Names of the parts that the vocabulary is divided into: 00000, 00001, …"""
    return [f"{index:05d}" for index in range(config["phrases"]["n_parts"])]


#: Sources of mapping networks that are no training.
UNTRAINED = ("random", "released")


def composer(config: Config, method: str) -> str:
    """The method whose module composes a method's queries: its own name, unless it is a variant of another."""
    return str(config["methods"][method].get("compose", method))


def preprocess(config: Config, benchmark: str, method: str) -> str:
    """How references and gallery become the towers' input in a run.

    The benchmark's own way for all, the method's, the benchmark's for methods that have none (baselines, which each
    paper runs in its own way), or that of all.
    """
    training = training_of(config, benchmark, method)
    if training is not None:
        return str(config["trainings"][training]["preprocess"])
    of_methods = [config["methods"].get(name, {}) for name in (method, composer(config, method))]
    entry = config["benchmarks"][benchmark]
    of_baselines = {"preprocess": entry["preprocess_baselines"]} if "preprocess_baselines" in entry else {}
    entries = [entry, *of_methods, of_baselines, config]
    return next(str(entry["preprocess"]) for entry in entries if "preprocess" in entry)


def is_scored(config: Config, method: str) -> bool:
    """Whether a method's rankings were computed by others."""
    return bool(config["methods"][method].get("source") == "scored")


def is_composed(config: Config, method: str) -> bool:
    """Whether a method is a composition that is trained with its encoders."""
    return "composition" in config["methods"][method]


def learns_from_triplets(config: Config, network: str) -> bool:
    """Whether a network is trained on the triplets of its image set."""
    entry = config["networks"][network]
    trained = entry["source"] not in UNTRAINED and entry["trainer"] in TRAINERS.names()
    return trained and "triplets" in TRAINERS.parameters(entry["trainer"])


def is_supervised(config: Config, method: str) -> bool:
    """Whether a method is a composition, or builds on a network that learns from triplets or, released, may have."""
    network = needs(config, method).get("phi")
    if network is None:
        return is_composed(config, method)
    return config["networks"][network]["source"] == "released" or learns_from_triplets(config, network)


def scored(config: Config) -> list[dict[str, str]]:
    """Every run whose ranking others computed, as wildcard values, with its `file`."""
    return [
        {
            "benchmark": benchmark,
            "backbone": entry["backbone"],
            "method": method,
            "seed": str(config["run"]["seeds"][0]),
            "file": file,
        }
        for method, entry in config["methods"].items()
        if is_scored(config, method)
        for benchmark, file in entry["rankings"].items()
    ]


def backbones_from(config: Config, source: str) -> list[str]:
    """Backbones whose weights come from `source`: trained, finetuned, pretrained or random."""
    return [name for name, entry in config["backbones"].items() if entry["weights"]["source"] == source]


def encoder_kind(config: Config, backbone: str) -> str:
    """Kind of a backbone's model: a module of cirque.encoders."""
    return str(config["backbones"][backbone].get("encoder", "clip"))


def encoder_modules(config: Config, backbone: str) -> list[str]:
    """Modules that whoever loads a backbone finds by name, for the version of its code."""
    return [ENCODERS.module(encoder_kind(config, backbone))]


def encoder_seed(config: Config, backbone: str, seed: int | str) -> str:
    """Seed of a backbone in a run of some seed: the run's own where one is trained for each, else the one that it has.

    A released backbone has seed 0.
    """
    entry = config["backbones"][backbone]
    weights = entry["weights"]
    if entry.get("per_seed"):
        return str(seed)
    if weights["source"] == "pretrained":
        return "0"
    if "seed" in weights:
        return str(weights["seed"])
    return str(config["run"]["seeds"][0] if weights["source"] == "finetuned" else config["world"]["seed"])


def encoder(config: Config, backbone: str, seed: int | str) -> dict[str, str]:
    """A backbone in a run of some seed, as wildcard values."""
    return {"backbone": backbone, "encoder_seed": encoder_seed(config, backbone, seed)}


def precision(config: Config, kind: str, backbone: str | None = None) -> str:
    """What a kind of stage computes its products in, on a backbone if it is of one."""
    section = config["precision"]
    return str(section.get("by_backbone", {}).get(backbone, {}).get(kind, section[kind]))


def captioners_from(config: Config, source: str) -> list[str]:
    """Captioners whose weights come from `source`: trained or pretrained."""
    return [name for name, entry in config["captioners"].items() if entry["weights"]["source"] == source]


def network(config: Config, name: str, backbone: str) -> dict[str, Any]:
    """A mapping network's entry, with the values that it has on a backbone."""
    entry = config["networks"][name]
    of_backbone = entry.get("by_backbone", {}).get(backbone, {})
    return {key: value for key, value in (entry | of_backbone).items() if key != "by_backbone"}


def finetuning(config: Config, backbone: str) -> dict[str, str]:
    """What a fine-tuned backbone is made of, as wildcard values: the backbone to start from, and the image set."""
    entry = config["backbones"][backbone]["weights"]
    return {key: entry[key] for key in ("backbone", "image_set")}


def finetuning_preprocess(config: Config, backbone: str) -> str:
    """How a fine-tuned backbone sees the images that it learns from."""
    return str(config["backbones"][backbone]["weights"].get("preprocess", config["preprocess"]))


def base_encoder(config: Config, wildcards: Mapping[str, str]) -> dict[str, str]:
    """The backbone that a fine-tuned one (wildcards `backbone`, `encoder_seed`) starts from, as wildcard values."""
    return encoder(config, finetuning(config, wildcards["backbone"])["backbone"], wildcards["encoder_seed"])


def finetuning_source(config: Config, backbone: str) -> dict[str, str]:
    """Data set and split whose captions a fine-tuned backbone learns from."""
    entry = config["image_sets"][finetuning(config, backbone)["image_set"]]
    return {key: entry[key] for key in ("dataset", "split")}


def finetuning_lists(config: Config, backbone: str) -> list[str]:
    """Files that hold these captions, relative to the data root."""
    return list(sources.annotation_files(**finetuning_source(config, backbone)).values())


def needs(config: Config, method: str) -> dict[str, str]:
    """What a method builds on: `tokens` of an inversion, `phi` of a network, `captions` by a captioner, by name."""
    return dict(config["methods"][method].get("needs", {}))


def methods_of(config: Config, table: str, benchmark: str) -> list[str]:
    """Methods of a table that can run on a benchmark: a bound needs its answers, one of others has a ranking of it."""
    hidden = config["benchmarks"][benchmark]["answers"] == "hidden"
    named = contents(config, table)["methods"]
    return [
        name
        for name in named
        if not (hidden and config["methods"][name].get("bound"))
        and benchmark in config["methods"][name].get("rankings", [benchmark])
    ]


def seeds_of(config: Config, method: str, backbone: str, benchmark: str | None = None) -> list[int]:
    """Seeds of a method on a backbone: the configured ones where something is learned for each, else one.

    A captioner has one of its own; the training of a benchmark's composers may name others.
    """
    training = training_of(config, benchmark, method) if benchmark is not None else None
    if training is not None:
        return list(config["trainings"][training].get("seeds", config["run"]["seeds"]))
    if is_scored(config, method):
        return list(config["run"]["seeds"][:1])
    learned = needs(config, method).keys() - {"captions"} or config["backbones"][backbone].get("per_seed")
    return list(config["run"]["seeds"]) if learned else list(config["run"]["seeds"][:1])


def backbones_without_texts(config: Config) -> list[str]:
    """Backbones whose encoder has no text tower of CLIP's kind: they serve composers, which learn to read."""
    return [name for name in config["backbones"] if not reads_texts(encoder_kind(config, name))]


def runs_on(config: Config, table: str, method: str, backbone: str) -> bool:
    """Whether a method of a table runs on one of the table's backbones.

    `only` of the table and `backbone` of the method keep a method to some, and a backbone that stands in `also` has the
    methods that it names. Where a table has composers beside other methods, composers run on the backbones that read no
    texts, and the others on those that do.
    """
    also = also_on(config, table)
    if backbone in also:
        return method in also[backbone]
    only = config["tables"][table].get("only", {})
    if backbone not in only.get(method, [config["methods"][method].get("backbone", backbone)]):
        return False
    is_mixed = len({is_composed(config, name) for name in contents(config, table)["methods"]}) > 1
    return not is_mixed or is_composed(config, method) == (backbone in backbones_without_texts(config))


def training_of(config: Config, benchmark: str, method: str) -> str | None:
    """The training of a composer that a benchmark evaluates; None of another method."""
    return str(config["benchmarks"][benchmark]["training"]) if is_composed(config, method) else None


def runs(config: Config, table: str) -> list[dict[str, str]]:
    """Every (benchmark, backbone, method, seed) of a table whose data are there, as wildcard values."""
    missing = config.get("missing", {})
    named = contents(config, table)
    placed = {
        (method, backbone)
        for method in named["methods"]
        for backbone in named["backbones"]
        if runs_on(config, table, method, backbone)
    }
    return [
        {"benchmark": benchmark, "backbone": backbone, "method": method, "seed": str(seed)}
        for benchmark in named["benchmarks"]
        for backbone in named["backbones"]
        for method in methods_of(config, table, benchmark)
        if (method, backbone) in placed
        and benchmark not in missing.get("benchmarks", {})
        and method not in missing.get("methods", {})
        and backbone not in missing.get("backbones", {})
        and training_of(config, benchmark, method) not in missing.get("trainings", {})
        for seed in seeds_of(config, method, backbone, benchmark)
    ]


def query_runs(config: Config) -> dict[str, list[dict[str, str]]]:
    """What the page of queries of each benchmark shows: two methods or more, bounds aside, where answers are known.

    They are those of all tables, on the first backbone and of the first seed that a table runs on the benchmark. A
    protocol that is not the papers' asks the same queries, and has no page.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    shown = {
        name
        for name, entry in config["methods"].items()
        if (name in config["run"]["methods"] or is_scored(config, name) or is_composed(config, name))
        and not entry.get("bound")
    }
    paged = {
        name
        for name, entry in config["benchmarks"].items()
        if entry["answers"] != "hidden"
        and entry.get("beside_papers", True)
        and not datasets.asks_for_texts(entry["dataset"])
    }
    for run in (run for table in tables(config) for run in runs(config, table)):
        if run["method"] in shown and run["benchmark"] in paged:
            of_benchmark = found.setdefault(run["benchmark"], {})
            first = next(iter(of_benchmark.values()), run)
            if (run["backbone"], run["seed"]) == (first["backbone"], first["seed"]):
                of_benchmark[run["method"]] = run
    return {benchmark: list(of_method.values()) for benchmark, of_method in found.items() if len(of_method) > 1}


def caption_parts(config: Config, corpora: Sequence[str]) -> list[dict[str, str]]:
    """Every part of some corpora, as wildcard values."""
    return [
        {"corpus": corpus, "part": f"{part:05d}"}
        for corpus in corpora
        for part in range(config["corpora"][corpus]["n_parts"])
    ]


def benchmarks_on(config: Config, image_set: str, preprocessing: str | None = None) -> list[str]:
    """Benchmarks whose gallery is an image set: their queries say which of its images are references.

    With a preprocessing, only those that some method sees so.
    """
    methods = [method for method in config["methods"] if not is_composed(config, method)]
    return [
        name
        for name, entry in config["benchmarks"].items()
        if entry["image_set"] == image_set
        and (preprocessing is None or any(preprocess(config, name, of) == preprocessing for of in methods))
    ]


def tables(config: Config) -> list[str]:
    """Every table of the configuration."""
    return list(config["tables"])


def also_on(config: Config, table: str) -> dict[str, list[str]]:
    """Backbones that a table has beside its own, each with the methods that alone run on it."""
    entry = config["tables"][table]
    own = entry.get("backbones", config["run"]["backbones"])
    return {name: list(methods) for name, methods in entry.get("also", {}).items() if name not in own}


def contents(config: Config, table: str) -> dict[str, list[str]]:
    """Benchmarks, backbones and methods of a table: its own, else those of all tables and what others computed.

    What a table names as `supervised` comes last, and so do the backbones that it has beside its own and those that its
    compositions run on.
    """
    entry = config["tables"][table]
    supervised = list(entry.get("supervised", []))
    added = backbones_without_texts(config) if any(is_composed(config, name) for name in supervised) else []
    run = config["run"]
    of_others = [name for name in config["methods"] if is_scored(config, name) and name not in run["methods"]]
    return {
        "benchmarks": list(entry["benchmarks"]),
        "backbones": list(dict.fromkeys([*entry.get("backbones", run["backbones"]), *also_on(config, table), *added])),
        "methods": list(dict.fromkeys([*entry.get("methods", [*run["methods"], *of_others]), *supervised])),
    }


def server(config: Config, benchmark: str) -> str | None:
    """The test server of a benchmark; None where the answers are public or no server takes them."""
    entry = config["benchmarks"][benchmark]
    hidden = entry["answers"] != "in-annotations"
    return str(entry["dataset"]) if hidden and entry["dataset"] in SUBMISSIONS.names() else None


def server_files(config: Config, benchmark: str) -> tuple[str, ...]:
    """Names of the files for a benchmark's test server; none where it has none."""
    name = server(config, benchmark)
    return tuple(SUBMISSIONS.load(name).FILES) if name else ()


def submissions(config: Config, table: str) -> list[dict[str, str]]:
    """Every server file of a table's benchmarks, as wildcard values; a bound is not submitted."""
    return [
        {**run, "server_file": file}
        for run in runs(config, table)
        if not config["methods"][run["method"]].get("bound") and not is_scored(config, run["method"])
        for file in server_files(config, run["benchmark"])
    ]


def table_settings(config: Config) -> dict[str, Any]:
    """What a table says about its configuration: names, labels, protocol and comparability, but no hyper-parameters."""
    keys = ("scale", "comparable", "not_comparable_because", "tolerance", "methods", "missing")
    settings = {key: config.get(key) for key in keys}
    settings["tables"] = {
        name: contents(config, name) | {key: entry[key] for key in ("title",) if key in entry}
        for name, entry in config["tables"].items()
    }
    settings["benchmarks"] = {
        name: {**entry, "printed_as": sources.title(entry["dataset"])} for name, entry in config["benchmarks"].items()
    }
    settings["backbones"] = {
        name: {"stands_for": entry["stands_for"], "model": entry["model"]}
        for name, entry in config["backbones"].items()
    }
    return settings
