"""Several GPUs of one machine: as many jobs run at once as are granted, and each takes a GPU of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.test_devices import JOB

pytestmark = pytest.mark.workflow

# Each job states its device and waits until the other one has.
SNAKEFILE = """
rule all:
    input:
        expand("{job}.txt", job=range(2)),

rule compute:
    output:
        "{job}.txt",
    resources:
        gpu=1,
    shell:
        "python job.py started {wildcards.job} < /dev/null > {output}"
"""
WAIT = """
import pathlib, time
folder, job = sys.argv[1:]
pathlib.Path(folder, job).touch()
until = time.monotonic() + 120
while len(list(pathlib.Path(folder).iterdir())) < 2:
    assert time.monotonic() < until, "the other job never started"
    time.sleep(0.1)
time.sleep(1)  # the other one looks, too
"""


def test_two_jobs_take_the_two_gpus_of_a_machine(tmp_path: Path):
    (tmp_path / "started").mkdir()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(JOB + WAIT)
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "profiles")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    # The profile grants one; this is what its comment and the documentation say.
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-c2", "--resources", "gpu=2"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY / "src"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sorted((tmp_path / f"{job}.txt").read_text().strip() for job in range(2)) == ["cuda:0", "cuda:1"]
