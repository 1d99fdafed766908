"""kill -9 at moments drawn from a seed: the next run goes on to the end, and every byte of the target is the same.

CIRQUE_FAULTS=50 draws fifty instead of eight; the first eight are the same ones. All runs here are granted the same
cores: torch sums in another order with another number of threads.
"""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("CIRQUE_FAULTS", "8"))
SEED = 20

SCALE = Path("results/scale=tiny")
RUN = "benchmark=cirr_val/backbone=tiny-B/method=image-only/seed=0"
TARGET = SCALE / "metrics" / RUN / "metrics.parquet"

#: What every run here makes anew: features of two shards, then rankings and metrics of image-only.
REMOVED = [
    SCALE / "features/image_set=cirr_val",
    *(SCALE / stage / "benchmark=cirr_val" for stage in ("query_features", "rankings", "metrics")),
]


@dataclass
class Killed:
    """A project whose runs are killed, and all processes that were started for it."""

    project: Project
    seconds: float = 0.0  # of a run that nobody killed
    wanted: dict[str, bytes] = field(default_factory=dict)
    seen: list[psutil.Process] = field(default_factory=list)
    hits: int = 0  # kills that met a process; a run may be over before its moment comes

    def begin(self) -> subprocess.Popen[bytes]:
        """Remove what was made, and start to make it."""
        for folder in REMOVED:
            shutil.rmtree(self.project.root / folder, ignore_errors=True)
        with (self.project.root / "run.log").open("wb") as log:
            return subprocess.Popen(
                self.project.command("-c2", str(TARGET)), cwd=self.project.root, stdout=log, stderr=log
            )

    def finish(self) -> None:
        """Run to the end."""
        done = self.project.snakemake("-c2", str(TARGET))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def made(self) -> dict[str, bytes]:
        """Every file that a run makes, without the records, which hold times."""
        found = {}
        for folder in REMOVED:
            for path in sorted((self.project.root / folder).rglob("*")):
                if path.is_file() and not path.name.endswith(".run.json"):
                    found[str(path.relative_to(self.project.root))] = path.read_bytes()
        return found

    def below(self, run: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Processes of a run, and those of them that are stages last."""
        try:
            children = psutil.Process(run.pid).children(recursive=True)
        except psutil.Error:
            return []
        self.seen += children
        return sorted(children, key=is_stage)


def is_stage(process: psutil.Process) -> bool:
    """Whether a process is a stage of cirque."""
    try:
        return process.cmdline()[1:3] == ["-m", "cirque"]
    except psutil.Error:
        return False


@pytest.fixture(scope="module")
def killed(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    project = finished.copy_to(tmp_path_factory.mktemp("killed") / "project")
    project.configure(run__methods=["image-only"])
    killed = Killed(project)
    started = time.monotonic()
    assert killed.begin().wait() == 0, (project.root / "run.log").read_text()[-3000:]
    killed.seconds = time.monotonic() - started
    killed.wanted = killed.made()
    assert str(TARGET) in killed.wanted
    yield killed
    for process in killed.seen:
        if process.is_running():  # psutil tells another process of the same number
            process.kill()


def moments() -> list[tuple[str, float]]:
    """Who is killed, and at which share of a whole run."""
    drawn = random.Random(SEED)
    return [(drawn.choice(["a stage", "Snakemake", "all"]), drawn.random()) for _ in range(KILLS)]


@pytest.mark.parametrize(
    ("whom", "share"), moments(), ids=lambda value: value if isinstance(value, str) else f"{value:.2f}"
)
def test_a_run_that_was_killed_at_any_moment_ends_with_the_same_bytes(killed: Killed, whom: str, share: float):
    run = killed.begin()
    time.sleep(share * killed.seconds)
    below = killed.below(run)
    if whom in ("Snakemake", "all"):
        killed.hits += run.poll() is None
        run.kill()
    if whom == "all":
        for process in below:
            process.kill()
    elif whom == "a stage":
        while run.poll() is None and not (below and is_stage(below[-1])):  # Snakemake itself is at work: until one runs
            time.sleep(0.02)
            below = killed.below(run)
        if below and is_stage(below[-1]):
            killed.hits += 1
            below[-1].kill()
    run.wait(timeout=300)

    killed.finish()  # of a killed Snakemake a stage may still be at work, beside the one that replaces it
    assert killed.made() == killed.wanted
    for process in killed.seen:
        if process.is_running():
            process.wait(timeout=300)
    assert killed.made() == killed.wanted  # nor does the one that was left alone spoil anything
    assert not [path for folder in REMOVED for path in (killed.project.root / folder).rglob(".*.part")]


def test_after_all_kills_nothing_is_left_to_do(killed: Killed):
    print(f"{killed.hits} of {KILLS} kills met a process at work")
    assert killed.hits
    done = killed.project.snakemake("-n", "-c2", str(TARGET))
    assert "Nothing to be done" in done.stdout + done.stderr
