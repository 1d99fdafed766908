"""The stage train_network for one trainer: as a function of keywords, and as a process that is killed."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cirque.plan.calls import flags
from tests.stages import family_stage

#: What every training of a test has.
USUAL = {"seed": 0, "threads": 1, "device": "cpu"}


def stage_of(trainer: str) -> Callable[..., None]:
    """What `python -m cirque train_network TRAINER` runs."""
    return family_stage.stage_of("train_network", trainer)


def outputs(folder: Path) -> dict[str, Path]:
    """Where a training writes."""
    return {
        "work": folder / "work",
        "output": folder / "phi.safetensors",
        "training_log": folder / "training.parquet",
    }


def trained(trainer: str, out: Path, inputs: Mapping[str, Any], settings: Any) -> bytes:
    """The weights of a network that is trained in this process."""
    stage_of(trainer)(**inputs, **outputs(out), **USUAL, settings=settings)
    return outputs(out)["output"].read_bytes()


def kill_training(trainer: str, out: Path, inputs: Mapping[str, Any], settings: Any, state: str) -> list[Path]:
    """Start a training as a process that saves after each step, and kill it once there are files like `state`.

    Returns:
        Those files.
    """
    given = {**inputs, **outputs(out), **dataclasses.asdict(settings), **USUAL, "seconds_between_saves": 0}
    words = {key: [*map(str, value)] if isinstance(value, list) else str(value) for key, value in given.items()}
    command = [sys.executable, "-m", "cirque", "train_network", trainer, *flags(words).split()]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((out / "work").glob(state)) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not outputs(out)["output"].exists()
    return list((out / "work").glob(state))
