"""Two Snakemakes in one folder at once: the second is refused in words, and nothing is lost.

That a folder which was copied to another place has nothing to run again is stated by
`tests/workflow/test_table.py::test_second_run_has_nothing_to_do_and_says_so`, which runs in a copy.
"""

import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

TARGET = (
    "results/scale=tiny/features/image_set=cirr_test1/preprocess=targetpad/backbone=tiny-B/encoder_seed=1/00000.parquet"
)
OTHER = "results/scale=tiny/table_cirr.html"


def wait_for_a_job(run: subprocess.Popen[bytes]) -> psutil.Process:
    """The stage that a run has started."""
    end = time.monotonic() + 120
    while time.monotonic() < end and run.poll() is None:
        for child in psutil.Process(run.pid).children(recursive=True):
            try:
                if child.cmdline()[1:3] == ["-m", "cirque"]:
                    return child
            except psutil.Error:
                continue
        time.sleep(0.02)
    pytest.fail("no stage was started")


def test_the_second_is_refused_in_words_and_the_first_ends_as_if_alone(finished: Project, tmp_path: Path):
    project = finished.copy_to(tmp_path / "project")
    shutil.rmtree((project.root / TARGET).parent)
    with (project.root / "run.log").open("wb") as log:
        first = subprocess.Popen(project.command("-c8", TARGET), cwd=project.root, stdout=log, stderr=log)
    job = wait_for_a_job(first)
    job.suspend()  # so that the first is still at work, however slow the second is
    try:
        second = project.snakemake("-c8", TARGET)
        said = second.stdout + second.stderr
        assert second.returncode != 0
        assert "Directory cannot be locked" in said
        assert "Traceback" not in said
        assert not (project.root / TARGET).exists()
    finally:
        job.resume()
    assert first.wait(timeout=300) == 0, (project.root / "run.log").read_text()[-3000:]
    assert (project.root / TARGET).read_bytes() == (finished.root / TARGET).read_bytes()
    again = project.snakemake("-n", "-c8", TARGET)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_look_at_what_would_run_is_never_refused_and_takes_no_lock(finished: Project, tmp_path: Path):
    project = finished.copy_to(tmp_path / "project")
    shutil.rmtree((project.root / TARGET).parent)
    with (project.root / "run.log").open("wb") as log:
        first = subprocess.Popen(project.command("-c8", TARGET), cwd=project.root, stdout=log, stderr=log)
    job = wait_for_a_job(first)
    job.suspend()
    try:
        assert project.snakemake("-n", "-c8", OTHER).returncode == 0
    finally:
        job.resume()
    assert first.wait(timeout=300) == 0, (project.root / "run.log").read_text()[-3000:]
