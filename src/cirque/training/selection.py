"""Validation in the middle of a training, and the best network so far, as callbacks of the loop."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import tensors
from cirque.training.loop import TrainingState


def best_line(log: Sequence[dict[str, Any]], metric: str) -> dict[str, Any]:
    """The line of a training log with the highest value; of equal ones the earliest, as a later one must be higher."""
    return max((row for row in log if row["loss"] == metric), key=lambda row: row["value"])


class KeepBest:
    """Measures the network now and then and at the end; when all is done, the network is the best one."""

    def __init__(self, measure: Callable[[Any], float], metric: str, every: int, n_steps: int) -> None:
        """Take the measure.

        Args:
            measure: of the network in evaluation mode; higher is better.
            metric: its name in the log.
            every: steps between two measurements.
            n_steps: of the training.
        """
        self.measure, self.metric, self.every, self.n_steps = measure, metric, every, n_steps

    @staticmethod
    def path(state_path: Path) -> Path:
        """Where the best network so far is kept: beside the state."""
        return state_path.with_name(f"{state_path.stem}-best.safetensors")

    def after_step(self, state: TrainingState, epoch: int, state_path: Path) -> None:
        """Log the measure where it is due, and keep the network if it is the best so far.

        The file is written before any state that speaks of it, and a state that is taken up again meets the same
        networks: so the file is always the one that the finished log names.
        """
        if state.step % self.every and state.step != self.n_steps:
            return
        state.look()
        value = self.measure(state.network.eval())
        state.network.train()
        state.log.append({"step": state.step, "epoch": epoch, "loss": self.metric, "value": value})
        if best_line(state.log, self.metric)["step"] == state.step:
            tensors.save(self.path(state_path), state.network.state_dict())
        say(f"{state.what}: step {state.step}, {self.metric} {value:.2f}")

    def at_end(self, state: TrainingState, state_path: Path) -> None:
        """Put the weights that were kept into the network."""
        take(state.network, self.path(state_path))


def take(network: nn.Module, path: Path) -> None:
    """Load the weights that a measurement kept.

    Raises:
        CirqueError: they are gone, or altered.
    """
    if not path.is_file():
        raise CirqueError(f"{path}: no such file, though a validation wrote it; delete {path.parent} and train again")
    try:
        weights, _ = tensors.load(path)
    except CirqueError as error:
        raise CirqueError(f"{error}; delete {path.parent} and train again") from error
    network.load_state_dict(weights)
