"""Archives, shards, checkpoints, Parquet, side-cars and what `score` takes, under atheris; what the harness sees."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from tests.conftest import REPOSITORY
from tests.fuzz import harness
from tests.fuzz.harness import Fault, Target

#: Of each target.
RUNS = 60


def test_no_changed_file_makes_a_reader_fail_hang_or_write_elsewhere(tmp_path: Path):
    pytest.importorskip("atheris", reason="has no wheel for this system")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--runs", str(RUNS), "--seed", "1", "--keep", str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    by_atheris = [name for name, target in harness.found().items() if target.driver == "atheris"]
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if "without a fault" in line] == by_atheris


# ---- the harness sees what it is for -------------------------------------------------------------------------------


def target(read) -> Target:
    return Target("one", "one.bin", lambda folder: [b""], read)


def forget(file: Path) -> None:
    file.unlink()


def leave(file: Path) -> None:
    file.with_name(".one.bin.1.part").write_bytes(b"")


def write_elsewhere(file: Path) -> None:
    (file.parents[1] / "elsewhere").write_bytes(b"")


def run_a_program(file: Path) -> None:
    subprocess.run(["true"], check=True)


def read_a_pickle(file: Path) -> None:
    pickle.loads(pickle.dumps(Path))


def refuse_without_a_name(file: Path) -> None:
    raise CirqueError("something is wrong")


@pytest.mark.parametrize(
    "read",
    [forget, leave, write_elsewhere, run_a_program, read_a_pickle, refuse_without_a_name],
    ids=lambda one: one.__name__,
)
def test_what_a_reader_must_not_do_is_a_fault(tmp_path: Path, read):
    (tmp_path / "inside").mkdir()
    with pytest.raises(Fault):
        harness.run(target(read), tmp_path / "inside", b"")


def test_an_error_that_names_the_file_is_none(tmp_path: Path):
    def refuse(file: Path) -> None:
        raise CirqueError(f"{file}: is empty; give another")

    assert not harness.run(target(refuse), tmp_path, b"")
    assert harness.run(target(lambda file: None), tmp_path, b"")
