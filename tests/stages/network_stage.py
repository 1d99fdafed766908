"""The stage train_network for one trainer, as a function of keywords."""

from collections.abc import Callable
from pathlib import Path

from cirque.commandline import for_member
from cirque.families import TRAINERS
from cirque.stages import train_network


def stage_of(trainer: str) -> Callable[..., None]:
    """What `python -m cirque train_network TRAINER` runs."""
    found: Callable[..., None] = for_member(train_network.main, TRAINERS.load(trainer).prepare, trainer)
    return found


def command(trainer: str) -> list[str]:
    """The words of the command line."""
    return ["-m", "cirque", "train_network", trainer]


def outputs(folder: Path) -> dict[str, Path]:
    """Where a training writes."""
    return {
        "work": folder / "work",
        "output": folder / "phi.safetensors",
        "training_log": folder / "training.parquet",
    }
