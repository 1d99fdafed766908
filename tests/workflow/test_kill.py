"""A kill -9 of a job, or of Snakemake itself, changes nothing but the time.

All runs here are granted the same cores: torch sums in another order with another number of threads.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from .conftest import TABLE, Project

pytestmark = pytest.mark.workflow


def forget(project: Project, *stages: str) -> None:
    """Remove the outputs of stages and what was made from them."""
    for stage in stages:
        shutil.rmtree(project.root / "results/scale=tiny" / stage)
    for path in (project.root / "results").rglob("table_cirr.*"):
        path.unlink()


def wait_for_stage(snakemake: subprocess.Popen[bytes], stage: str, seconds: float = 120) -> psutil.Process:
    """The first running process of a stage below Snakemake."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and snakemake.poll() is None:
        for child in psutil.Process(snakemake.pid).children(recursive=True):
            try:
                if child.cmdline()[1:4] == ["-m", "cirque", stage]:
                    return child
            except psutil.Error:
                continue
        time.sleep(0.05)
    pytest.fail(f"the stage {stage} was not seen")


def start(project: Project) -> subprocess.Popen[bytes]:
    log = (project.root / "run.log").open("wb")
    return subprocess.Popen(
        project.command("-c8", TABLE), cwd=project.root, stdout=log, stderr=log, start_new_session=True
    )


def outputs(root: Path) -> dict[str, bytes]:
    results = root / "results/scale=tiny"
    return {
        str(p.relative_to(results)): p.read_bytes()
        for stage in ("tokens", "phi", "rankings", "metrics")
        for p in (results / stage).rglob("*.parquet")
    }


def test_killed_job_then_killed_snakemake_then_the_same_table(finished: Project, project: Project):
    forget(project, "tokens", "phi", "query_features", "rankings", "metrics", "submissions")

    first = start(project)
    wait_for_stage(first, "invert_images").kill()
    assert first.wait(timeout=300) != 0

    second = start(project)
    job = wait_for_stage(second, "invert_images")
    os.kill(second.pid, signal.SIGKILL)
    second.wait(timeout=60)
    job.kill()

    done = project.snakemake("-c8", TABLE)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (project.root / TABLE).read_bytes() == (finished.root / TABLE).read_bytes()
    assert outputs(project.root) == outputs(finished.root)
    assert not list((project.root / "results").rglob(".*.part"))
