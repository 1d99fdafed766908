"""Models that are trained as a whole: which methods they are of, how they are trained, and which runs they evaluate.

    settings(config, "css_3d", "tirg-gated")  # of the training, with what the method changes of it

A method with a `composition` is trained on what the benchmark's `training` says. Methods of equal settings share one
model: TIRG is TIRG at the last fc where that is the level of its data set.
"""

from collections.abc import Mapping
from typing import Any

from cirque.families import COMPOSITIONS, SUBMISSIONS, TRAINED, fields
from cirque.plan import jobs, sources
from cirque.plan.evaluation import Group
from cirque.plan.paths import IN_RULES

Config = Mapping[str, Any]
Run = dict[str, str]

#: Keys of a training that say of what it is, and are no settings.
OF_WHAT = frozenset({"image_set", "reference_set", "preprocess", "seeds"})


def settings(config: Config, name: str, method: str) -> dict[str, Any]:
    """Settings of a method's training, the composition among them."""
    own = {key: value for key, value in config["trainings"][name].items() if key not in OF_WHAT}
    entry = config["methods"][method]
    return {**own, **entry.get("settings", {}), "composition": entry["composition"]}


def model_of(config: Config, name: str, method: str) -> str:
    """The method under whose name a method's model lies: the first of equal settings."""
    wanted = settings(config, name, method)
    return next(
        str(other)
        for other in config["methods"]
        if jobs.is_composed(config, other) and settings(config, name, other) == wanted
    )


def composer(config: Config, run: Mapping[str, str]) -> Run:
    """The model of a run, as wildcard values."""
    name = str(config["benchmarks"][run["benchmark"]]["training"])
    of = model_of(config, name, run["method"])
    return {"training": name, "method": of, "backbone": run["backbone"], "seed": run["seed"]}


def groups(config: Config) -> list[Group]:
    """Every run of a composer that a table lists; those of a benchmark, a backbone and a seed in one job."""
    runs = [run for table in jobs.tables(config) for run in jobs.runs(config, table)]
    found: dict[tuple[str, ...], dict[tuple[str, ...], Run]] = {}
    for run in runs:
        if jobs.is_composed(config, run["method"]):
            place = (run["benchmark"], run["backbone"], run["seed"])
            found.setdefault(place, {})[tuple(run.values())] = run
    return [Group.of(config, "-".join(place), list(of.values())) for place, of in found.items()]


def weights(config: Config, group: Group) -> list[str]:
    """Weights of the models of a group's runs, each once."""
    return list(dict.fromkeys(IN_RULES.composer.format(**composer(config, run)) for run in group.runs))


def described(config: Config, group: Group, scale: str) -> list[dict[str, Any]]:
    """A group's runs as the stage `evaluate_composers` takes them; paths are below the folder `scale`."""
    return [
        {
            "method": run["method"],
            "seed": int(run["seed"]),
            "composer": IN_RULES.composer.format(**composer(config, run)).replace("<scale>", scale),
        }
        for run in group.runs
    ]


def modules(config: Config, group: Group) -> list[str]:
    """Modules that a group's job imports by name: compositions, the encoder, and the test server's."""
    names = dict.fromkeys(config["methods"][run["method"]]["composition"] for run in group.runs)
    server = jobs.server(config, group.benchmark)
    encoder = jobs.encoder_modules(config, group.backbone)
    return [*map(COMPOSITIONS.module, names), *encoder, *([SUBMISSIONS.module(server)] if server else [])]


def image_set(config: Config, name: str) -> dict[str, Any]:
    """Data set and split of a training's images."""
    return dict(config["image_sets"][config["trainings"][name]["image_set"]])


def pixels(config: Config, entry: Mapping[str, Any], preprocess: str, backbone: Mapping[str, str]) -> dict[str, str]:
    """Decoded images that a training or a benchmark reads, by the names of a stage's parameters.

    Args:
        config: the configuration.
        entry: of the training or the benchmark.
        preprocess: of its images.
        backbone: as wildcard values.
    """
    sets = {"pixels": entry["image_set"], "reference_pixels": entry.get("reference_set")}
    return {
        role: IN_RULES.pixels.format(image_set=of, preprocess=preprocess, **backbone) for role, of in sets.items() if of
    }


def pixels_of_training(config: Config, name: str, backbone: Mapping[str, str]) -> dict[str, str]:
    """Decoded images that a training reads, by the names of a stage's parameters."""
    entry = config["trainings"][name]
    return pixels(config, entry, entry["preprocess"], backbone)


def triplets(config: Config, name: str) -> list[str]:
    """What lists the triplets of a training."""
    of = image_set(config, name)
    return [f"<data>/{file}" for file in sources.annotation_files(of["dataset"], of["split"]).values()]


def to_decode(config: Config, name: str, benchmark: str, backbone: Mapping[str, str]) -> dict[str, str]:
    """What a decoder of a composer's features reads: decoded images of its training and of a benchmark, with lists.

    Args:
        config: the configuration.
        name: of the training.
        benchmark: whose queries are composed.
        backbone: as wildcard values.
    """
    learned, asked = config["trainings"][name], config["benchmarks"][benchmark]
    return {
        "training_images": IN_RULES.images.format(image_set=learned["image_set"]),
        "training_pixels": pixels_of_training(config, name, backbone)["pixels"],
        "images": IN_RULES.images.format(image_set=asked["image_set"]),
        **pixels(config, asked, learned["preprocess"], backbone),
    }


def reference_pictures(config: Config, benchmark: str) -> dict[str, list[str]]:
    """Image set of a benchmark's references, where they are pictures of another kind than the gallery's."""
    name = config["benchmarks"][benchmark].get("reference_set")
    return {
        "reference_images": [IN_RULES.images.format(image_set=name)] if name else [],
        "reference_shards": jobs.of_images(config, IN_RULES.shards, name) if name else [],
    }


def shape_and_settings(config: Config, name: str, method: str) -> dict[str, dict[str, Any]]:
    """Settings as the stage `train_composer` takes them: `shape` of the composition, `settings` of its training."""
    given = settings(config, name, method)
    return {
        "shape": {key: given[key] for key in fields(TRAINED, "Shape") if key in given},
        "settings": {key: given[key] for key in fields(TRAINED, "Settings") if key in given},
    }


def faults(config: Config) -> list[str]:
    """What does not fit together, a sentence each."""
    found = []
    known = {**fields(TRAINED, "Shape"), **fields(TRAINED, "Settings")}
    for name, entry in config["methods"].items():
        composition = entry.get("composition")
        if composition is None:
            found += [f"methods.{name}.settings: are of a composition; name one"] if "settings" in entry else []
        elif composition not in COMPOSITIONS.names():
            there = ", ".join(COMPOSITIONS.names())
            found.append(f"methods.{name}.composition: no composition is called {composition!r}; there are {there}")
        else:
            strange = [key for key in entry.get("settings", {}) if key not in known]
            found += [f"methods.{name}.settings: unknown {', '.join(strange)}; known are {', '.join(known)}"] * bool(
                strange
            )
    for name, entry in config.get("trainings", {}).items():
        lacking = [key for key, required in known.items() if required and key not in entry]
        found += [f"trainings.{name}: needs {', '.join(lacking)}"] * bool(lacking)
    for table in jobs.tables(config):
        contents = jobs.contents(config, table)
        composed = [name for name in contents["methods"] if jobs.is_composed(config, name)]
        found += [
            f"tables.{table}.supervised: {name} is no composition, which is trained with its encoders, and its network"
            " learns from no triplets; name it among the table's methods"
            for name in config["tables"][table].get("supervised", [])
            if not jobs.is_supervised(config, name)
        ]
        untrained = [name for name in contents["benchmarks"] if "training" not in config["benchmarks"][name]]
        if composed and untrained:
            found.append(
                f"tables.{table}: method {composed[0]} is trained on a data set, but benchmarks.{untrained[0]} has no"
                " key `training` that says which"
            )
    return found
