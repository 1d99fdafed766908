"""Which runs are evaluated, on what, and which of them together.

A run is a (benchmark, backbone, method, seed). What costs is the start of a process and the load of a tower, so runs
that share a benchmark and a backbone are evaluated by one job. A job never computes a run that nobody asked for: it
holds the runs that the same tables list.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cirque.families import METHODS, SUBMISSIONS, reads_texts, takes_tokens
from cirque.plan import jobs
from cirque.plan.paths import IN_RULES, RUN

Config = Mapping[str, Any]
Run = dict[str, str]

#: What `needs` of a method's entry calls the things that its `compose` reads by name.
NEEDS = {"tokens": "tokens", "phi": "phi", "combiner": "phi", "reference_captions": "captions"}

#: Kinds of file that all runs of a group read, if they read them.
SHARED = ("weights", "features")

#: Everything that a `compose` may read by name, and the kinds of file that it is made of.
READS: Mapping[str, tuple[str, ...]] = {
    "queries": (),
    "backbone": ("weights",),
    "encoder": ("weights",),
    "reference_features": ("features",),
    "reference_pixels": ("weights", "images", "shards"),
    "reference_maps": ("weights", "images", "shards"),
    "query_image_features": ("weights", "images", "shards"),
    "reference_captions": ("reference_captions",),
    "reference_concepts": ("concepts",),
    "tokens": ("tokens",),
    "phi": ("phi",),
    "combiner": ("phi",),
}

#: The kinds of file that are written of each run.
KINDS_OF_OUTPUTS = ("query_features", "rankings", "metrics")

#: What stands between the values of a run in its path.
_RUN_FOLDERS = re.sub(r"\{\w+\}", "\n", RUN).split("\n")[1:-1]


def reads(config: Config, method: str) -> list[str]:
    """Names of what a method's `compose` takes; nothing where others computed the rankings or a composer does."""
    if jobs.is_scored(config, method) or jobs.is_composed(config, method):
        return []
    return list(METHODS.parameters(jobs.composer(config, method)))


def faults(config: Config) -> list[str]:
    """What methods read that nothing provides or that their entries do not name, a sentence each."""
    found = []
    for method in config["methods"]:
        of = jobs.composer(config, method)
        for name in reads(config, method) if of in METHODS.names() else ():
            need = NEEDS.get(name)
            if name not in READS:
                found.append(f"methods.{method}: {of} {unknown(name)}")
            elif need and need not in jobs.needs(config, method):
                found.append(f"methods.{method}: {of} reads {name}; add `needs: {{{need}: NAME}}`")
    return found


def unknown(name: str) -> str:
    """What is wrong with a method that reads something by a name which nothing provides."""
    return f"reads {name}, which nothing provides; there are {', '.join(READS)}"


def without_texts(config: Config) -> list[str]:
    """Methods of tables that encode texts with a backbone that cannot, a sentence each; all names are known."""
    kinds = {backbone: jobs.encoder_kind(config, backbone) for backbone in config["backbones"]}
    silent = [name for name, kind in kinds.items() if not reads_texts(kind)]
    tokenless = [name for name, kind in kinds.items() if reads_texts(kind) and not takes_tokens(kind)]
    found = [
        f"tables.{table}: method {method} puts a pseudo token into a text, which the encoder {kinds[backbone]} of"
        f" backbone {backbone} does not take; give the table `only: {{{method}: [NAME]}}` with backbones that do"
        for table in (jobs.tables(config) if tokenless else [])
        for backbone, method in dict.fromkeys((run["backbone"], run["method"]) for run in jobs.runs(config, table))
        if backbone in tokenless and {"phi", "tokens"} & set(jobs.needs(config, method))
    ]
    return found + [
        f"tables.{table}: method {method} encodes texts, but the encoder {kinds[backbone]} of backbone {backbone} reads"
        f" images alone; give the table methods that read image features alone, or `only: {{{method}: [NAME]}}`"
        for table in (jobs.tables(config) if silent else [])
        for backbone, method in dict.fromkeys((run["backbone"], run["method"]) for run in jobs.runs(config, table))
        if backbone in silent and "backbone" in reads(config, method)
    ]


@dataclass(frozen=True)
class Group:
    """Runs that one job evaluates.

    Attributes:
        name: of the job.
        benchmark: of all its runs.
        backbone: of all its runs.
        encoder_seed: the backbone's, in all its runs.
        preprocess: how all its runs see references and gallery.
        runs: in the order of tables and methods.
    """

    name: str
    benchmark: str
    backbone: str
    encoder_seed: str
    preprocess: str
    runs: tuple[Run, ...]

    @classmethod
    def of(cls, config: Config, name: str, runs: list[Run]) -> "Group":
        """Runs that share a benchmark, a backbone with its seed, and a preprocessing."""
        first = runs[0]
        return cls(
            name=name,
            benchmark=first["benchmark"],
            backbone=first["backbone"],
            encoder_seed=jobs.encoder_seed(config, first["backbone"], first["seed"]),
            preprocess=jobs.preprocess(config, first["benchmark"], first["method"]),
            runs=tuple(runs),
        )

    @property
    def encoder(self) -> dict[str, str]:
        """The backbone, as wildcard values."""
        return {"backbone": self.backbone, "encoder_seed": self.encoder_seed}


def groups(config: Config) -> list[Group]:
    """Every run that a table lists, put together with those that the same tables list."""
    listing: dict[tuple[str, ...], tuple[Run, list[str]]] = {}
    for table in jobs.tables(config):
        for run in jobs.runs(config, table):
            if jobs.is_scored(config, run["method"]) or jobs.is_composed(config, run["method"]):
                continue
            listing.setdefault(tuple(run.values()), (run, []))[1].append(table)
    found: dict[tuple[str, ...], list[Run]] = {}
    for run, tables in listing.values():
        encoder_seed = jobs.encoder_seed(config, run["backbone"], run["seed"])
        preprocess = jobs.preprocess(config, run["benchmark"], run["method"])
        found.setdefault((run["benchmark"], run["backbone"], encoder_seed, preprocess, *tables), []).append(run)
    numbers: dict[tuple[str, str], int] = {}
    made = []
    for (benchmark, backbone, *_), runs in found.items():
        number = numbers[benchmark, backbone] = numbers.get((benchmark, backbone), 0) + 1
        made.append(Group.of(config, f"{benchmark}-{backbone}-{number}", runs))
    return made


def alone(config: Config, run: Run) -> Group:
    """The group of a run that no table lists: itself."""
    return Group.of(config, "-".join(run.values()), [run])


def constraints_alone(config: Config, server: str) -> dict[str, str]:
    """Constraints of the wildcards of runs that no table lists.

    A run that a group holds must not match: Snakemake would plan its job, too, and choose afterwards.

    Args:
        config: the configuration.
        server: a test server's name: only runs that have files for it, of its benchmarks and no upper bound; or "".
    """
    listed = _one_of_runs([tuple(run.values()) for group in groups(config) for run in group.runs], _RUN_FOLDERS)
    benchmarks = [name for name in config["benchmarks"] if not server or jobs.server(config, name) == server]
    found = {"benchmark": f"(?!{listed}/)(?:{jobs.one_of(benchmarks)})"}
    others = [name for name in config["methods"] if jobs.is_scored(config, name) or jobs.is_composed(config, name)]
    alone = {name: entry for name, entry in config["methods"].items() if name not in others}
    found["method"] = jobs.one_of([name for name, entry in alone.items() if not (server and entry.get("bound"))])
    return found


def _one_of_runs(runs: Iterable[tuple[str, ...]], folders: Sequence[str]) -> str:
    """A regular expression of the paths of runs from the first value on: a tree, as thousands share their start."""
    below: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in runs:
        below.setdefault(first, []).append(tuple(rest))
    if not folders:
        return f"(?:{jobs.one_of(list(below))})"
    ends: dict[str, list[str]] = {}  # what has the same runs below it stands in one branch
    for first, others in below.items():
        ends.setdefault(_one_of_runs(others, folders[1:]), []).append(first)
    return "(?:" + "|".join(f"(?:{jobs.one_of(names)}){folders[0]}{end}" for end, names in ends.items()) + ")"


def inputs(config: Config, run: Run) -> dict[str, list[str]]:
    """Files that a run's method reads besides what its group shares, by kind."""
    image_set = config["benchmarks"][run["benchmark"]]["image_set"]
    needs = jobs.needs(config, run["method"])
    values = {
        **run,
        **jobs.encoder(config, run["backbone"], run["seed"]),
        "preprocess": jobs.preprocess(config, run["benchmark"], run["method"]),
        "inversion": needs.get("tokens"),
        "network": needs.get("phi"),
        "captioner": needs.get("captions"),
    }
    kinds = dict.fromkeys(kind for name in reads(config, run["method"]) for kind in READS[name])
    return {
        kind: jobs.of_images(config, getattr(IN_RULES, kind), image_set, **values)
        for kind in kinds
        if kind not in SHARED
    }


def files(config: Config, group: Group) -> list[str]:
    """Every file of `inputs` of a group's runs, once."""
    return list(dict.fromkeys(file for run in group.runs for own in inputs(config, run).values() for file in own))


def outputs(config: Config, group: Group) -> list[str]:
    """Every file that a group's job writes: features, rankings and metrics of each run, and server files."""
    names = jobs.server_files(config, group.benchmark)
    found = []
    for run in group.runs:
        found += [getattr(IN_RULES, kind).format(**run) for kind in KINDS_OF_OUTPUTS]
        if not config["methods"][run["method"]].get("bound"):
            found += [IN_RULES.submissions.format(**run, server_file=name) for name in names]
    return found


def modules(config: Config, group: Group) -> list[str]:
    """Modules that a group's job imports by name: composers, the encoder, and the test server's."""
    server = jobs.server(config, group.benchmark)
    composers = dict.fromkeys(jobs.composer(config, run["method"]) for run in group.runs)
    encoder = jobs.encoder_modules(config, group.backbone)
    return [*map(METHODS.module, composers), *encoder, *([SUBMISSIONS.module(server)] if server else [])]


def described(config: Config, group: Group, scale: str) -> list[dict[str, Any]]:
    """A group's runs as the stage `evaluate` takes them.

    Args:
        config: the configuration.
        group: of it.
        scale: the folder that paths are below.
    """
    return [
        {
            "method": run["method"],
            "composer": jobs.composer(config, run["method"]),
            "seed": int(run["seed"]),
            "bound": bool(config["methods"][run["method"]].get("bound")),
            "inputs": {
                kind: [file.replace("<scale>", scale) for file in own] for kind, own in inputs(config, run).items()
            },
        }
        for run in group.runs
    ]
