"""State what a run of tables would take before anything is started: jobs, hours, disk, and data that are missing."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cirque.data import download
from cirque.data.download import Entry
from cirque.errors import CirqueError
from cirque.plan import config as configuration
from cirque.plan import costs, dry_run, jobs, machine, needed_data, paths, sources, unpacking, values
from cirque.plan.amounts import NOTHING, Amount, Cost
from cirque.plan.figures import FIGURES
from cirque.plan.layers import merged_files

#: Columns where the output is no terminal.
WIDTH = 120

#: The stage that brings data.
FETCH = "fetch_file"

#: Stages that bring models, which the registry of data does not list.
MODELS = ("fetch_backbone", "fetch_captioner", "fetch_language_model", "fetch_tagger")

_HOUR, _GIGABYTE = 3600.0, 1e9


@dataclass(frozen=True)
class Data:
    """What is not there.

    Attributes:
        to_fetch: files that come by themselves, with their bytes; None where the registry does not say.
        missing: files and folders that a person has to bring, with how.
    """

    to_fetch: Mapping[str, int | None]
    missing: Mapping[str, str]


def main(
    tables: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    configfile: tuple[Path, ...] = (Path("config/config.yaml"),),
    registry: Path = Path("config/datasets.tsv"),
    snakefile: Path = Path("Snakefile"),
    missing: Literal["assumed", "left-out"] = "assumed",
    json: bool = False,
) -> None:
    """Print what is still to be done for tables, stage by stage, from a dry run of the workflow. Nothing is started.

    Hours are of one GPU and of one core, estimated from throughputs that were measured, each named below the table.
    What nothing was measured of is open.

    Args:
        tables: Names such as cirr; by default all.
        configfile: As Snakemake's --configfile, the later over the earlier.
        registry: Of the data sets.
        snakefile: Of the project.
        missing: Whether missing data are assumed to be there, or what needs them is left out, as a run would now.
        json: Whether to print JSON.

    Raises:
        CirqueError: a table is unknown, the configuration is refused, or Snakemake refuses to plan it.
    """
    config = values.expanded(merged_files(configfile, registry.parent / "papers.yaml"))
    configuration.check(config, registry.parent / "config.schema.yaml")
    unknown = [name for name in tables if name not in config["tables"]]
    if unknown:
        raise CirqueError(f"no table is called {', '.join(unknown)}; there are {', '.join(config['tables'])}")
    named, entries = list(tables) or jobs.tables(config), download.read_registry(registry)
    targets = [f"results/table_{name}.parquet" for name in named]
    planned = dry_run.planned(targets, configfile, snakefile=snakefile, assume_data=missing == "assumed")
    lacking = data(planned, config, named, entries, unpacking.allowed(config, registry))
    stages = by_stage(planned, config, entries)
    if json:
        print(dumps(as_json(stages, lacking), indent=1))
    else:
        _print(stages, lacking, config)


def data(
    planned: Sequence[dry_run.Job],
    config: Mapping[str, Any],
    tables: Sequence[str],
    entries: Mapping[str, Entry],
    unpacked: Collection[str] = (),
) -> Data:
    """What of the tables' data is not there; nothing where the workflow draws them."""
    root = Path(config["data_root"])
    fetched = {name for name, entry in entries.items() if entry.is_fetched}
    asked = sorted(costs.fetched_file(job, config) for job in planned if job.rule == FETCH)
    missing = {name: entries[name].note for name in asked if name not in fetched}
    for need in needed_data.needs(config, tables) if sources.data_source(config) == "fetch" else []:
        for name in needed_data.absent(need, root, {*fetched, *unpacked}):
            how = (
                f"see docs/data.md#{need.dataset}" if name.endswith("/") else "put it there; no address of it is known"
            )
            missing[name] = entries[name].note if name in entries else how
    return Data({name: entries[name].n_bytes for name in asked if name in fetched}, missing)


def by_stage(
    planned: Sequence[dry_run.Job], config: Mapping[str, Any], entries: Mapping[str, Entry]
) -> dict[str, tuple[int, Cost]]:
    """Number of jobs and cost of each rule's family, in the order of the data's way.

    What a person has to bring is no job.
    """
    found: dict[str, tuple[int, Cost]] = {}
    for job in sorted(planned, key=lambda job: _place(job, config)):
        if job.rule == FETCH and not entries[costs.fetched_file(job, config)].is_fetched:
            continue
        cost = costs.of(job, config, entries)
        n_jobs, before = found.get(job.rule, (0, None))
        found[job.rule] = n_jobs + 1, before + cost if before else cost
    return found


def _place(job: dry_run.Job, config: Mapping[str, Any]) -> tuple[int, str]:
    """Where a job stands: data first, then as the grammar of paths has its files, then what is of all scales."""
    file = job.outputs[0] if job.outputs else ""
    if file.startswith(f"{config['data_root']}/"):
        return -1, job.rule
    kind = paths.parse(file)
    return list(paths.KINDS).index(kind[0].name) if kind else len(paths.KINDS), job.rule


def total(stages: Mapping[str, tuple[int, Cost]]) -> tuple[int, Cost]:
    """All stages together; their items are of many kinds."""
    found = Cost(processor=NOTHING, n_bytes=NOTHING)
    for _, cost in stages.values():
        found += cost
    return sum(n_jobs for n_jobs, _ in stages.values()), found


def as_json(stages: Mapping[str, tuple[int, Cost]], lacking: Data) -> dict[str, Any]:
    """Everything for machines. `open` names what of a stage is not all known."""

    def described(n_jobs: int, cost: Cost) -> dict[str, Any]:
        amounts = {
            "gpu_hours": (cost.gpu, _HOUR),
            "processor_hours": (cost.processor, _HOUR),
            "gigabytes": (cost.n_bytes, _GIGABYTE),
        }
        numbers = {name: amount.known / unit for name, (amount, unit) in amounts.items()}
        return {"jobs": n_jobs, **numbers, "open": [name for name, (amount, _) in amounts.items() if amount.is_open]}

    return {
        "stages": {
            name: {**described(n_jobs, cost), "items": _items(cost), "unit": cost.unit}
            for name, (n_jobs, cost) in stages.items()
        },
        "total": described(*total(stages)),
        "to_fetch": dict(lacking.to_fetch),
        "bytes_to_fetch": sum(n_bytes or 0 for n_bytes in lacking.to_fetch.values()),
        "missing": dict(lacking.missing),
        "figures": {name: vars(FIGURES[name]) for name in _figures(stages)},
    }


# ---- print ---------------------------------------------------------------------------------------------------------


def shown(amount: Amount, unit: float) -> str:
    """An amount in so large a unit, in three digits: `1.25`, `open`, `1.25 + open`, or a dash for nothing."""
    value = amount.known / unit
    number = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    if value < 0.005:
        number = "<0.01" if value else ""
    return " + ".join(filter(None, [number, "open" if amount.is_open else ""])) or "–"


def _print(stages: Mapping[str, tuple[int, Cost]], lacking: Data, config: Mapping[str, Any]) -> None:
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=WIDTH, highlight=False)
    if not stages:
        console.print("nothing is to be done")
        return
    grid = Table("stage", box=None, header_style="bold", pad_edge=False)
    for heading in ("jobs", "items", "GPU h", "processor h", "writes GB"):
        grid.add_column(heading, justify="right")
    for name, (n_jobs, cost) in stages.items():
        items = "open" if cost.items.is_open else f"{cost.items.known:,.0f}"
        grid.add_row(name, f"{n_jobs:,}", f"{items} {cost.unit}" if cost.unit else "", *_amounts(cost))
    n_jobs, whole = total(stages)
    grid.add_section()
    grid.add_row("total", f"{n_jobs:,}", "", *_amounts(whole), style="bold")
    console.print(grid)
    n_bytes = sum(size or 0 for size in lacking.to_fetch.values())
    unsized = [name for name, size in lacking.to_fetch.items() if size is None]
    console.print(
        f"\nto fetch below {escape(str(config['data_root']))}: {len(lacking.to_fetch)} files, {n_bytes / 1e6:,.1f} MB"
        + (f", and {len(unsized)} whose size the registry does not say" if unsized else ""),
        soft_wrap=True,
    )
    models = [name for name in MODELS if name in stages]
    if models:
        console.print(
            f"models come from their hubs ({', '.join(models)}); what is fetched for them is open", soft_wrap=True
        )
    _print_missing(lacking, console)
    used = _figures(stages)
    if used:
        console.print("\n[bold]estimated from[/]")
        if "decoding" in used:
            threads = machine.threads_of_a_job(None)
            console.print(f"  {threads} threads decode in a job, at most [dim](src/cirque/plan/machine.py)[/]")
        for name in used:
            figure = FIGURES[name]
            console.print(
                f"  {figure.value:,.10g} {escape(figure.unit)} [dim]({escape(figure.source)})[/]", soft_wrap=True
            )
    elif stages and sources.data_source(config) == "generate":
        console.print("\nhours are open: what was measured is of the papers' data")


def _amounts(cost: Cost) -> list[str]:
    return [shown(cost.gpu, _HOUR), shown(cost.processor, _HOUR), shown(cost.n_bytes, _GIGABYTE)]


def _print_missing(lacking: Data, console: Console) -> None:
    if lacking.missing:
        console.print("\n[bold]missing[/]; a person has to bring it")
    for name, how in lacking.missing.items():
        console.print(f"  [red]{escape(name)}[/]", soft_wrap=True)
        console.print(f"    {escape(how)}", soft_wrap=True)


def _items(cost: Cost) -> float | None:
    return cost.items.known if cost.unit and not cost.items.is_open else None


def _figures(stages: Mapping[str, tuple[int, Cost]]) -> list[str]:
    """Names of the figures that the stages' estimates are made of, in the order in which they are stated."""
    used = frozenset().union(*(cost.figures for _, cost in stages.values()))
    return [name for name in FIGURES if name in used]
