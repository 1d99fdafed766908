"""Which jobs Snakemake would run, asked of the real Snakefile: a dry run in a process of its own.

    for job in planned(["results/table_circo.parquet"], [Path("config/paper.yaml")]): print(job.rule, job.outputs)

Only what is still to be done is planned, and a run that is going on in the same folder is not disturbed.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cirque.errors import CirqueError

#: What stands before the names of rules that are made for each group of runs, each server, each ranking of others.
_FAMILIES = ("evaluate_composers", "evaluate", "score")

_RULE = re.compile(r"(?:local)?(?:rule|checkpoint) (\S+):")
_FLAG = re.compile(r" \(\w+\)$")
_TOTAL = re.compile(r"^total +(\d+)$", re.MULTILINE)
_NOTHING = "Nothing to be done"

#: The resource that every job with torch on a device has.
_ON_DEVICE = "torch_device="


@dataclass(frozen=True)
class Job:
    """A job that Snakemake would run.

    Attributes:
        rule: its family: `evaluate` for `evaluate_circo_val-ViT-B-32-1`.
        outputs: files that it writes.
        on_gpu: whether it asks for one.
    """

    rule: str
    outputs: tuple[str, ...] = ()
    on_gpu: bool = False


def planned(
    targets: Sequence[str], configfiles: Sequence[Path], *, snakefile: Path, assume_data: bool = True
) -> list[Job]:
    """Jobs of some targets that are still to be run.

    Args:
        targets: files.
        configfiles: as Snakemake's --configfile.
        snakefile: of the project.
        assume_data: whether data that are missing count as there; else what needs them is left out.

    Raises:
        CirqueError: Snakemake refuses, with its last lines.
    """
    if not snakefile.is_file():
        raise CirqueError(f"{snakefile} is not there; call it in the project's folder, or give --snakefile")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--nolock", "--nocolor", "--rerun-incomplete"]
    command += ["--profile", "none", "--workflow-profile", "none", "--snakefile", str(snakefile)]
    command += ["--configfile", *map(str, configfiles)]
    command += ["--config", "missing_data=refuse"] if assume_data else []
    done = subprocess.run([*command, "--", *targets], capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][-8:]
        raise CirqueError("Snakemake refuses this configuration:\n" + "\n".join(last))
    return jobs_of(done.stdout + done.stderr)


def jobs_of(text: str) -> list[Job]:
    """The jobs that a dry run printed.

    Raises:
        CirqueError: their number is not the one that it printed, so that it writes in another form.
    """
    jobs = list(_read(text.splitlines()))
    total = _TOTAL.search(text)
    if (total and int(total[1]) != len(jobs)) or (total is None and _NOTHING not in text):
        stated = total[1] if total else "no number of"
        raise CirqueError(f"Snakemake states {stated} jobs, and {len(jobs)} were read; its output has changed")
    return jobs


def family(rule: str) -> str:
    """What a rule's name is without the group, server or benchmark that it was made for."""
    return next((name for name in _FAMILIES if rule == name or rule.startswith(f"{name}_")), rule)


def _read(lines: Sequence[str]) -> Iterator[Job]:
    job: Job | None = None
    for line in lines:
        begins, (key, _, rest) = _RULE.fullmatch(line), line.strip().partition(": ")
        if begins:
            if job:
                yield job
            job = Job(family(begins[1]))
        elif job and line.startswith("    "):
            if key == "output":
                job = replace(job, outputs=tuple(_FLAG.sub("", name) for name in rest.split(", ")))
            elif key == "resources":
                job = replace(job, on_gpu=_ON_DEVICE in rest)
    if job:
        yield job
