"""What a run took, stage by stage, from the records that its jobs left beside their files (`store.provenance`).

for stage in of_folders([Path("results/scale=rehearsal")]): print(stage.name, stage.n_jobs, stage.seconds)
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cirque.errors import CirqueError

_RECORD = ".run.json"


@dataclass(frozen=True)
class Run:
    """One job.

    Attributes:
        stage: that it ran.
        seconds: by the clock.
        processor_seconds: of it and of the processes that it started.
        peak_memory_mib: of the largest of these processes.
        ended: in seconds since 1970, whole.
    """

    stage: str
    seconds: float
    processor_seconds: float
    peak_memory_mib: int
    ended: float


@dataclass(frozen=True)
class Spent:
    """All jobs of one stage; memory is that of the largest job."""

    stage: str
    n_jobs: int
    seconds: float
    processor_seconds: float
    peak_memory_mib: int


def runs(folders: Sequence[Path]) -> list[Run]:
    """Jobs that the files below some folders come from; one that wrote several files counts once.

    Raises:
        CirqueError: a record is broken, or there is none.
    """
    found = {command: run for folder in folders for file in _records(folder) for command, run in [_read(file)]}
    if not found:
        raise CirqueError(f"{', '.join(map(str, folders))}: no record of a run; run Snakemake first")
    return list(found.values())


def by_stage(jobs: Sequence[Run]) -> list[Spent]:
    """Sums of each stage, in the order in which the stages' first jobs ended."""
    of_stage: dict[str, list[Run]] = {}
    for job in sorted(jobs, key=lambda job: job.ended):
        of_stage.setdefault(job.stage, []).append(job)
    return [summed(stage, its) for stage, its in of_stage.items()]


def summed(stage: str, jobs: Sequence[Run]) -> Spent:
    """Some jobs together."""
    return Spent(
        stage,
        len(jobs),
        sum(job.seconds for job in jobs),
        sum(job.processor_seconds for job in jobs),
        max(job.peak_memory_mib for job in jobs),
    )


def elapsed(jobs: Sequence[Run]) -> float:
    """Seconds from the first job's start to the last one's end, pauses of a run that was continued included."""
    return max(job.ended for job in jobs) - min(job.ended - job.seconds for job in jobs)


def _records(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob(f"*{_RECORD}"))


def _read(file: Path) -> tuple[tuple[str, ...], Run]:
    """The run of a record, and what tells it from others: its command and its end."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        ended = datetime.strptime(record["finished"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        run = Run(
            str(record["stage"]),
            float(record["seconds"]),
            float(record["processor_seconds"]),
            int(record["peak_memory_mib"]),
            ended,
        )
        return (*map(str, record["command"]), record["finished"]), run
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CirqueError(
            f"{file}: not the record of a run ({error!r:.80}); delete it and the file that it is of, and run Snakemake"
        ) from error
