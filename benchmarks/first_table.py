"""What a newcomer waits for: `make table_cirr` in a fresh clone, and a second call: `python benchmarks/first_table.py`.

`--against COMMIT` measures another commit on the same machine, too, and prints the ratio of processor seconds: machines
differ by a factor of two, and a busy one slows both. The environment is set up before the clock starts. Memory is the
proportional set size of all processes together, looked at once a second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS_BETWEEN_LOOKS = 1.0


def memory(root: psutil.Process) -> int:
    """Proportional set size of a process and its descendants, in bytes."""
    total = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak GiB of a command; its output is shown if it fails."""
    before, started, peak = os.times(), time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as output:
        with psutil.Popen(command, cwd=folder, stdout=output, stderr=output) as process:
            while process.poll() is None:
                peak = max(peak, memory(process))
                time.sleep(SECONDS_BETWEEN_LOOKS)
        wall, after = time.perf_counter() - started, os.times()
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read()[-5000:]}")
    used = sum(after[2:4]) - sum(before[2:4])
    return wall, used, peak / 2**30


def calls(commit: str, target: str, annotations: Path) -> list[float]:
    """Processor seconds of a first and a second call in a fresh clone of a commit, each printed."""
    found = []
    with tempfile.TemporaryDirectory(prefix="cirque-") as folder:
        clone = Path(folder) / "cirque"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=clone, check=True)
        wall, used, _ = measured(["make", "environment"], clone)
        print(f"{commit}: make environment: {wall:.0f} s, {used:.0f} s of the processors", flush=True)
        for call in ("first call", "second call"):
            command = ["make", target, f"ANNOTATIONS={annotations.resolve()}", "BENCHMARKS=cirr"]
            wall, used, peak = measured(command, clone)
            print(
                f"{commit}: make {target}, {call}: {wall:.1f} s, {used:.0f} s of the processors, peak {peak:.2f} GiB",
                flush=True,
            )
            found.append(used)
    return found


def main() -> None:
    """Clone, set up, measure both calls, of one commit or of two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", default="table_cirr", choices=["table_cirr", "rehearse"])
    parser.add_argument("--against", metavar="COMMIT", help="also measure this commit, first")
    parser.add_argument("--annotations", type=Path, default=REPOSITORY.parent / "shared" / "annotations")
    options = parser.parse_args()
    before = calls(options.against, options.target, options.annotations) if options.against else []
    after = calls("HEAD", options.target, options.annotations)
    for call, old, new in zip(("first call", "second call"), before, after, strict=False):
        print(f"{call}: {new / old:.2f} of the processor seconds of {options.against}")


if __name__ == "__main__":
    main()
