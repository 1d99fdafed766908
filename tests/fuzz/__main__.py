"""Change valid files under atheris, which keeps what reaches new code; each target runs in a process of its own.

    python -m tests.fuzz --runs 20000 --seed 1 zip phi_checkpoint

A fault ends its target: the file that made it is kept in --keep, its name is printed, and the exit code is 1.
"""

import argparse
import os
import random
import sys
import tempfile
import traceback
from pathlib import Path

import atheris

os.environ["TQDM_DISABLE"] = "1"

with atheris.instrument_imports(include=["cirque"], enable_loader_override=False):
    from tests.fuzz import harness

    TARGETS = harness.found()


def fuzz(target: harness.Target, runs: int, seed: int, keep: Path) -> None:
    """Run a target to its end; does not return."""
    with tempfile.TemporaryDirectory(prefix="cirque-fuzz-") as name:
        folder, corpus = Path(name) / "inside", Path(name) / "corpus"
        corpus.mkdir()
        (folder / target.file).parent.mkdir(parents=True)
        for number, data in enumerate(target.seeds(folder)):
            if not harness.run(target, folder, data):
                raise SystemExit(f"{target.name}: seed {number} is no valid file")
            (corpus / str(number)).write_bytes(data)
        harness.limit_memory()
        taken = [0, 0]

        def once(data: bytes) -> None:
            taken[harness.run(target, folder, data)] += 1

        def mutate(data: bytes, most: int, number: int) -> bytes:
            draw = random.Random(number)
            return target.mutate(data, draw)[:most] if draw.randint(0, 3) else atheris.Mutate(data, most)

        options = {
            "runs": runs,
            "seed": seed,
            "max_len": 2**16,
            "timeout": 20,
            "rss_limit_mb": 0,
            "detect_leaks": 0,
            "verbosity": 0,
            "artifact_prefix": f"{keep.resolve()}/{target.name}-",
        }
        words = [f"-{key}={value}" for key, value in options.items()]
        atheris.Setup([sys.argv[0], *words, str(corpus)], once, custom_mutator=mutate)
        atheris.Fuzz()


def in_a_process(target: harness.Target, runs: int, seed: int, keep: Path) -> bool:
    """Whether a target ends without a fault, in a process that has imported everything already."""
    with tempfile.TemporaryFile("w+b") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), sys.stderr.fileno())
            try:
                fuzz(target, runs, seed, keep)
            except BaseException:
                traceback.print_exc()
            os._exit(1)  # atheris ends the process itself
        _, status = os.waitpid(child, 0)
        is_sound = os.waitstatus_to_exitcode(status) == 0
        if not is_sound:
            said.seek(0)
            print(said.read()[-4000:].decode(errors="replace"), file=sys.stderr, flush=True)
        return is_sound


def main() -> None:
    """Fuzz the targets that are asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"by default all: {', '.join(TARGETS)}")
    parser.add_argument("--runs", type=int, default=1000, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()), help="folder for files with a fault")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in asked.targets or [name for name, target in TARGETS.items() if target.driver == "atheris"]:
        if in_a_process(TARGETS[name], asked.runs, asked.seed, asked.keep):
            print(f"{name}: {asked.runs:,} runs without a fault", flush=True)
        else:
            failed.append(name)
    if failed:
        sys.exit(f"faults in {', '.join(failed)}; what made them lies in {asked.keep}")


main()
