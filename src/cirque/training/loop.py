"""What every training of a network shares: its state as a file, and when to write it.

Order, draws and dropout of a training come from (seed, step), never from a running generator: so a training that was
killed goes on from its last saved step and ends with the same bits.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from cirque import draws
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files


def epoch_batches(n_examples: int, batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Shuffled whole batches of one epoch; the rest is left out, but fewer examples than a batch make one batch."""
    order = draws.generator(seed, "phi order", epoch).permutation(n_examples).tolist()
    size = min(batch, n_examples)
    return [order[start : start + size] for start in range(0, n_examples - size + 1, size)]


@dataclass
class TrainingState:
    """Everything that the training of a network needs to go on.

    Attributes:
        network: φ or CLIP, in training mode.
        optimiser: of its parameters.
        losses: names of the losses that the log holds, in its order.
        step: optimiser steps done.
        sums: of each loss since the last line of the log.
        log: rows of schemas.TRAINING.
        what: is trained, for messages.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    losses: tuple[str, ...]
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    what: str = "φ"

    def add(self, values: Mapping[str, float]) -> None:
        """Count a step that was done, with its losses.

        Raises:
            CirqueError: a loss is not finite.
        """
        if not all(math.isfinite(values[name]) for name in self.losses):
            raise CirqueError(
                f"{self.what}: the losses are {dict(values)} at step {self.step}; nothing was written. Lower"
                " learning_rate, or look for broken rows among the inputs"
            )
        self.step += 1
        self.sums = {name: self.sums.get(name, 0.0) + values[name] for name in self.losses}

    def end_epoch(self, epoch: int, n_steps: int) -> dict[str, float]:
        """Log the mean losses of the last `n_steps` steps, and return them."""
        means = {name: total / n_steps for name, total in self.sums.items()}
        self.log += [{"step": self.step, "epoch": epoch, "loss": name, "value": value} for name, value in means.items()]
        self.sums = {}
        return means

    def save(self, path: Path) -> None:
        """Write the state as one safetensors file, so that there is a whole one or none."""
        tensors = {f"phi.{name}": value for name, value in self.network.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        told = json.dumps({"step": self.step, "sums": self.sums, "log": self.log})
        with files.atomic(path) as partial:
            partial.write_bytes(safetensors.torch.save(tensors, {"training": told}))

    def restore(self, path: Path) -> None:
        """Take over what `save` wrote."""
        with safetensors.safe_open(path, framework="pt") as stored:
            told = json.loads(stored.metadata()["training"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  (no dictionary)
        weights = {name.removeprefix("phi."): value for name, value in tensors.items() if name.startswith("phi.")}
        self.network.load_state_dict(weights)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, number, moment = name.split(".")
                moments.setdefault(int(number), {})[moment] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.step, self.sums, self.log = told["step"], told["sums"], told["log"]

    def resume(self, path: Path) -> None:
        """Take over the state at `path` if there is one, and say so."""
        if path.is_file():
            self.restore(path)
            say(f"{self.what}: going on from step {self.step}, saved in {path}")


class Saver:
    """Saves a state now and then, so that a kill costs no more than so many seconds."""

    def __init__(self, path: Path, seconds: float) -> None:
        self.path, self.seconds, self.saved = path, seconds, time.monotonic()

    def after_step(self, state: TrainingState) -> None:
        """Save if it is time to."""
        if time.monotonic() - self.saved > self.seconds:
            state.save(self.path)
            self.saved = time.monotonic()
