"""The stage train_network for one trainer, as a function of keywords."""

from collections.abc import Callable
from pathlib import Path

from tests.stages import family_stage


def stage_of(trainer: str) -> Callable[..., None]:
    """What `python -m cirque train_network TRAINER` runs."""
    return family_stage.stage_of("train_network", trainer)


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
