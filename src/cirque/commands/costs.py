"""Print what a run took by stage: jobs, seconds, memory, from its own records; and the size of each benchmark.

python -m cirque costs results/scale=rehearsal data/rehearsal
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import tyro
from rich.console import Console
from rich.table import Table

from cirque.data import download
from cirque.data.download import Entry
from cirque.errors import CirqueError
from cirque.plan.paths import KINDS
from cirque.store import files, provenance, spent

#: Columns of the print where it does not go to a terminal.
WIDTH = 120

_OFFICIAL = re.compile(r"^([\d,]+) queries\b")


@dataclass(frozen=True)
class Size:
    """How large a benchmark is.

    Attributes:
        benchmark: as the configuration calls it.
        queries: of it.
        official: queries that the registry of data sets states of the annotation files read; None if it states none.
        targets: ground truths of all queries.
        gallery: candidates, one of two groups twice.
        rankings: rows of all rankings, which the runs give one a query.
        runs: methods, backbones and seeds that ranked it.
    """

    benchmark: str
    queries: int
    official: int | None
    targets: int
    gallery: int
    rankings: int
    runs: int


def main(
    folders: Annotated[tuple[Path, ...], tyro.conf.Positional],
    *,
    registry: Path = Path("config/datasets.tsv"),
    json: bool = False,
) -> None:
    """Sum the records below some folders; a stage's memory is that of its largest job.

    Args:
        folders: of a scale's results, and of its data where stages made these.
        registry: of the data sets, for the official numbers of queries.
        json: Whether to print JSON.

    Raises:
        CirqueError: there is no record, one is broken, or a benchmark has not as many queries as the official files.
    """
    jobs = spent.runs(folders)
    stages, entries = spent.by_stage(jobs), download.read_registry(registry)
    found = [size for folder in folders for size in sizes(folder, entries)]
    if json:
        print(dumps({"stages": list(map(asdict, stages)), "sizes": list(map(asdict, found))}, indent=1))
    else:
        _print(stages, spent.summed("total", jobs), spent.elapsed(jobs), found)
    wrong = [size.benchmark for size in found if size.official not in (None, size.queries)]
    if wrong:
        raise CirqueError(f"{', '.join(wrong)}: not as many queries as the official files; complete the data")


def sizes(folder: Path, entries: Mapping[str, Entry]) -> list[Size]:
    """The benchmarks whose queries lie below the folder of a scale."""
    return [_size(folder, file, entries) for file in sorted(folder.glob(KINDS["queries"].glob()))]


def _size(folder: Path, file: Path, entries: Mapping[str, Entry]) -> Size:
    benchmark = file.parent.name.partition("=")[2]
    rankings = list(folder.glob(KINDS["rankings"].glob().replace("benchmark=*", f"benchmark={benchmark}", 1)))
    targets = files.read_table(file, ["target_ids"])["target_ids"]
    return Size(
        benchmark,
        _rows(file),
        _official(file, entries),
        pc.sum(pc.list_value_length(targets)).as_py(),
        _rows(folder / KINDS["gallery"].path(benchmark=benchmark)),
        sum(map(_rows, rankings)),
        len(rankings),
    )


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)


def _official(file: Path, entries: Mapping[str, Entry]) -> int | None:
    """Queries that the registry states of the files from which the queries were parsed, as their record names them."""
    record: dict[str, Any] = provenance.read_record(file) or {"inputs": []}
    read = [entry["path"] for entry in record["inputs"] if not _is_made(Path(entry["path"]))]
    notes = (entry.note for name, entry in entries.items() if any(path.endswith(f"/{name}") for path in read))
    stated = [int(found[1].replace(",", "")) for note in notes if (found := _OFFICIAL.match(note))]
    return sum(stated) or None


def _is_made(file: Path) -> bool:
    """Whether a stage made a file of a data set, as it generates a small world: then it is no official one."""
    record: dict[str, Any] = provenance.read_record(file) or {"stage": "fetch_file"}
    return bool(record["stage"] != "fetch_file")


def _print(stages: list[spent.Spent], total: spent.Spent, elapsed: float, found: list[Size]) -> None:
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=WIDTH, highlight=False)
    grid = Table("stage", box=None, header_style="bold", pad_edge=False)
    for heading in ("jobs", "seconds", "processor seconds", "peak MiB of a job"):
        grid.add_column(heading, justify="right")
    for stage in [*stages, total]:
        times = (f"{stage.seconds:,.0f}", f"{stage.processor_seconds:,.0f}")
        grid.add_row(stage.stage, f"{stage.n_jobs:,}", *times, f"{stage.peak_memory_mib:,}")
    console.print(grid)
    console.print(f"\n{elapsed:,.0f} s from the first job's start to the last one's end\n")
    if not found:
        return
    grid = Table("benchmark", box=None, header_style="bold", pad_edge=False)
    for heading in ("queries", "official", "targets", "gallery", "rankings", "runs"):
        grid.add_column(heading, justify="right")
    for size in found:
        official = "–" if size.official is None else f"{size.official:,}"
        counts = (size.targets, size.gallery, size.rankings, size.runs)
        grid.add_row(size.benchmark, f"{size.queries:,}", official, *(f"{count:,}" for count in counts))
    console.print(grid)
