"""A stage that is killed or fails ends the run: what does not need it is done first, then rule and log are named."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import Project

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1800)]

SCALE = Path("results/scale=tiny")
STAGE = "extract_features"

#: Of two image sets: whichever is killed, those of the other are its siblings.
REMOVED = [SCALE / "features/image_set=cirr_val", SCALE / "features/image_set=cirr_test1"]
SHARD = SCALE / "shards/image_set=cirr_val/00000.tar"


@dataclass
class Ended:
    """A run that ended.

    Attributes:
        code: its exit code.
        said: what it printed.
        seconds: from the end of its last stage to its own.
        is_killed: whether a stage was killed.
    """

    code: int
    said: str
    seconds: float
    is_killed: bool


def stages_below(run: psutil.Process) -> Iterator[psutil.Process]:
    try:
        below = run.children(recursive=True)
    except psutil.Error:
        return
    for process in below:
        try:
            if process.cmdline()[1:3] == ["-m", "cirque"]:
                yield process
        except psutil.Error:
            continue


def run_to_its_end(project: Project, targets: list[str], *, kill: bool) -> Ended:
    """Run, kill the first stage if asked to, and watch for the end."""
    with (project.root / "run.log").open("wb") as log:
        run = subprocess.Popen(project.command("-c2", *targets), cwd=project.root, stdout=log, stderr=log)
    ended, gone = threading.Event(), []
    threading.Thread(target=lambda: (run.wait(), gone.append(time.monotonic()), ended.set()), daemon=True).start()
    is_killed, last = False, time.monotonic()
    watched = psutil.Process(run.pid)
    while not ended.wait(0.01):
        for stage in stages_below(watched):
            last = time.monotonic()
            if kill and not is_killed:
                stage.kill()
                is_killed = True
    return Ended(run.returncode, (project.root / "run.log").read_text(), gone[0] - last, is_killed)


@pytest.fixture
def without_features(finished: Project, tmp_path: Path) -> Project:
    project = finished.copy_to(tmp_path / "project")
    for folder in REMOVED:
        shutil.rmtree(project.root / folder)
    return project


def features_of(project: Project) -> list[str]:
    """All files of features that the finished project has."""
    found = [path for folder in REMOVED for path in sorted((project.root / folder).rglob("*.parquet"))]
    return [str(path.relative_to(project.root)) for path in found]


def log_of(said: str, rule: str) -> Path:
    """The log file that a run names for a rule that failed."""
    block = said[said.index(f"Error in rule {rule}:") :]
    line = next(line for line in block.splitlines() if line.strip().startswith("log:"))
    return Path(line.split()[1])


def missing(project: Project, wanted: list[str]) -> list[str]:
    return [file for file in wanted if not (project.root / file).is_file()]


def test_a_killed_stage_ends_the_run_with_its_rule_and_log_named(finished: Project, without_features: Project):
    wanted = features_of(finished)
    ended = run_to_its_end(without_features, wanted, kill=True)
    print(f"{ended.seconds:.1f} s from the end of the last stage to that of the run")
    assert ended.is_killed
    assert ended.code != 0
    assert "Killed" in ended.said
    assert (without_features.root / log_of(ended.said, STAGE)).is_file()
    # Its siblings were left to end.
    assert len({Path(file).parent for file in missing(without_features, wanted)}) == 1
    assert not list((without_features.root / "results").rglob(".*.part"))


def test_a_stage_that_fails_ends_the_run_with_a_sentence_in_its_log(finished: Project, without_features: Project):
    wanted = features_of(finished)
    shard = without_features.root / SHARD
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    ended = run_to_its_end(without_features, wanted, kill=False)
    print(f"{ended.seconds:.1f} s from the end of the last stage to that of the run")
    assert ended.code != 0
    said = (without_features.root / log_of(ended.said, STAGE)).read_text().strip().splitlines()
    assert said[-1].startswith(f"cirque {STAGE}: {SHARD}: ")
    assert "Traceback" not in ended.said
    lacking = missing(without_features, wanted)
    assert lacking
    assert all(file.startswith(str(REMOVED[0])) for file in lacking)  # those of the other image set are there
