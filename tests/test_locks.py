import subprocess
import sys
from pathlib import Path

from cirque import locks


def test_lock_of_a_killed_run_is_removed(tmp_path: Path):
    stale = tmp_path / ".snakemake/locks/0.input.lock"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert locks.hold(tmp_path) is not None
    assert not stale.exists()


def test_lock_of_a_living_run_is_left_alone(tmp_path: Path):
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pathlib import Path; from cirque import locks\n"
         "h = locks.hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()", str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        living = tmp_path / ".snakemake/locks/0.input.lock"
        living.parent.mkdir()
        living.touch()
        assert locks.hold(tmp_path) is None
        assert living.exists()
    finally:
        holder.communicate("")
