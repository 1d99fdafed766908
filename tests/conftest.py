"""What every test may ask for."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.workflow.conftest import Project

# Small matrices gain nothing from a second thread, and threads of two busy processes wait for each other: on a machine
# with other work, tests that train something took ten times as long. Stages set their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def nothing_chosen() -> None:
    """A stage is a process: the device and precision that one chose must not stand in the records of another's."""
    devices = sys.modules.get("cirque.devices")  # which imports torch; most tests need none of it
    if devices is not None:
        devices.chosen.clear()


@pytest.fixture(scope="session")
def annotations() -> Path:
    """Folder of the benchmarks' real annotation files, which are not part of the project."""
    folder = Path(os.environ.get("CIRQUE_ANNOTATIONS", REPOSITORY.parent / "shared" / "annotations"))
    if not folder.is_dir():
        pytest.skip(f"real annotation files: no folder {folder}; set CIRQUE_ANNOTATIONS to where they are")
    return folder


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder whose results hold a small evaluated benchmark; do not write to it."""
    from tests.evaluated import evaluate  # noqa: PLC0415  (most tests need none of it)

    folder = tmp_path_factory.mktemp("evaluated")
    evaluate(folder)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """A project whose table is made by the real Snakefile; not to be changed by a test."""
    from tests.workflow.conftest import TABLE, make_project  # noqa: PLC0415  (most tests need none of it)

    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    done = project.snakemake("-c8", TABLE)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return project
