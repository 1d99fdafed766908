"""The one loop of all trainings: state, resuming to the bit, saving, logging, schedules, losses that are not finite.

    log = fit(Training(network, optimiser, ("mse",), n_steps=1500, …), state_path)

A trainer gives a `Training`: a network, an optimiser, the batch of a step and its losses. Order, draws and dropout come
from (seed, step), never from a running generator that the loop would have to save: a training that was killed goes on
from its last saved step and ends with the same bits.
"""

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cirque import draws
from cirque.errors import CirqueError
from cirque.progress import progress, say
from cirque.store import tensors as stored
from cirque.training import optimisers, processes
from cirque.training.ahead import made_ahead

#: The loss that is lowered, where a step has several; it is logged only if the training names it.
TOTAL = "total"

#: Steps between two looks at the losses, at most: a look waits for the device, which then has nothing to do.
STEPS_BETWEEN_LOOKS = 25


def epoch_batches(n_examples: int, batch: int, seed: int, epoch: int) -> list[list[int]]:
    """Shuffled whole batches of one epoch; the rest is left out, but fewer examples than a batch make one batch."""
    order = draws.generator(seed, "phi order", epoch).permutation(n_examples).tolist()
    size = min(batch, n_examples)
    return [order[start : start + size] for start in range(0, n_examples - size + 1, size)]


class EpochBatches:
    """The shuffled batches of an epoch by step; those of the last epoch asked for are kept."""

    def __init__(self, n_examples: int, batch: int, seed: int) -> None:
        self.per_epoch = max(1, n_examples // batch)
        self._of = functools.lru_cache(maxsize=1)(functools.partial(epoch_batches, n_examples, batch, seed))

    def __call__(self, step: int) -> list[int]:
        """Numbers of the examples of a step's batch."""
        epoch, place = divmod(step, self.per_epoch)
        return self._of(epoch)[place]


# ---- what a trainer gives ------------------------------------------------------------------------------------------


class Callback(Protocol):
    """Something that is done beside the training, such as validation."""

    def after_step(self, state: "TrainingState", epoch: int, state_path: Path) -> None:
        """Called after each step and the line of its log; it may add lines.

        Losses of the last steps may not have been looked at: call `state.look()` before you rely on the network.
        """

    def at_end(self, state: "TrainingState", state_path: Path) -> None:
        """Called once, when all steps are done; it may change the network."""


def _nothing(log: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Training:
    """One training, of whatever network.

    Attributes:
        network: to be trained, on its device.
        optimiser: of its parameters.
        losses: names of the losses that the log holds, in its order.
        n_steps: optimiser steps.
        per_epoch: steps of an epoch, by which lines of the log are numbered.
        batch: step → what its losses are computed from, on the device. A thread of its own makes it, one or two steps
            ahead: it must come from the step alone, and draw from no generator that the step draws from.
        loss: batch, step → losses by name; `total`, or the only one, is lowered.
        seed: of dropout.
        dropout: names the draws of dropout, which belong to (seed, step); None where the network has none.
        per_line: steps whose mean losses are one line of the log; None: an epoch's.
        rates: step → learning rate of each group of parameters, or of all; None: as the optimiser has them.
        largest_gradient: norm to which gradients are cut; None: they are not.
        after_update: called after each optimiser step.
        report: called with the epoch and the mean losses of each line of the log.
        callbacks: validation and the like.
        inputs: files that the result depends on.
        metadata: log → what the description of the network says besides its settings: counts, choices.
        what: is trained, for messages.
        group: of the processes that train it together.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    losses: tuple[str, ...]
    n_steps: int
    per_epoch: int
    batch: Callable[[int], Any]
    loss: Callable[[Any, int], Mapping[str, Tensor]]
    seed: int
    dropout: str | None = None
    per_line: int | None = None
    rates: Callable[[int], Sequence[float]] | None = None
    largest_gradient: float | None = None
    after_update: Callable[[], None] | None = None
    report: Callable[[int, Mapping[str, float]], None] | None = None
    callbacks: Sequence[Callback] = ()
    inputs: Sequence[Path] = ()
    metadata: Callable[[Sequence[dict[str, Any]]], dict[str, Any]] = _nothing
    what: str = "φ"
    group: processes.Group = processes.ALONE

    @property
    def device(self) -> torch.device:
        """Where the network is trained."""
        return next(self.network.parameters()).device


# ---- state ---------------------------------------------------------------------------------------------------------


@dataclass
class TrainingState:
    """Everything that the training of a network needs to go on.

    Attributes:
        network: in training mode.
        optimiser: of its parameters.
        losses: names of the losses that the log holds, in its order.
        step: optimiser steps done.
        sums: of each loss since the last line of the log.
        counts: steps that had each loss since then.
        log: rows of schemas.TRAINING.
        what: is trained, for messages.
        unseen: losses of the last steps, which may still be computing.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    losses: tuple[str, ...]
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    what: str = "φ"
    unseen: list[Mapping[str, Tensor]] = field(default_factory=list)

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count a step that was done, with its losses, which are looked at now and then.

        Raises:
            CirqueError: a loss is not finite.
        """
        self.step += 1
        self.unseen.append(losses)
        if len(self.unseen) >= STEPS_BETWEEN_LOOKS:
            self.look()

    def look(self) -> None:
        """Wait for the losses of the last steps, and add them up.

        Raises:
            CirqueError: a loss is not finite.
        """
        if not self.unseen:
            return
        found = iter(torch.stack([loss for losses in self.unseen for loss in losses.values()]).tolist())
        first = self.step - len(self.unseen)
        steps, self.unseen = [{name: next(found) for name in losses} for losses in self.unseen], []
        for number, values in enumerate(steps, first):
            if not all(map(math.isfinite, values.values())):
                raise CirqueError(
                    f"{self.what}: the losses are {values} at step {number}; nothing was written. Lower"
                    " learning_rate, or look for broken rows among the inputs"
                )
            for name in (name for name in self.losses if name in values):
                self.sums[name] = self.sums.get(name, 0.0) + values[name]
                self.counts[name] = self.counts.get(name, 0) + 1

    def end_line(self, epoch: int) -> dict[str, float]:
        """Log the mean of each loss over the steps that had it since the last line, and return the means.

        Raises:
            CirqueError: a loss is not finite.
        """
        self.look()
        means = {name: self.sums[name] / self.counts[name] for name in self.losses if name in self.sums}
        self.log += [{"step": self.step, "epoch": epoch, "loss": name, "value": value} for name, value in means.items()]
        self.sums, self.counts = {}, {}
        return means

    def save(self, path: Path) -> None:
        """Write the state as one file, so that there is a whole one or none.

        Raises:
            CirqueError: a loss is not finite.
        """
        self.look()
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value for name, value in moments.items()}
        record = {"step": self.step, "sums": self.sums, "counts": self.counts, "log": self.log}
        stored.save(path, tensors, record)

    def restore(self, path: Path) -> None:
        """Take over what `save` wrote."""
        tensors, record = stored.load(path)
        prefix = "network."
        weights = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        self.network.load_state_dict(weights)
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, number, moment = name.split(".")
                moments.setdefault(int(number), {})[moment] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.step, self.sums, self.counts, self.log = (record[key] for key in ("step", "sums", "counts", "log"))

    def resume(self, path: Path) -> None:
        """Take over the state at `path` if there is a whole one, and say so."""
        if not path.is_file():
            return
        try:
            self.restore(path)
        except CirqueError as error:  # a crash of the machine may leave half of it
            say(f"{self.what}: {error}; the training begins anew")
            path.unlink(missing_ok=True)  # by another process of the same training, perhaps
        else:
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


# ---- the loop ------------------------------------------------------------------------------------------------------


def fit(training: Training, state_path: Path, seconds_between_saves: float = 60.0) -> list[dict[str, Any]]:
    """Train a network in place, going on from `state_path` if it is there; the network is in evaluation mode when done.

    Args:
        training: network, optimiser, batches and losses.
        state_path: file for the state of an unfinished training; the caller removes it when done.
        seconds_between_saves: how much work a kill may cost.

    Returns:
        The rows of the training log (schemas.TRAINING): mean losses of each line.

    Raises:
        CirqueError: a loss is not finite.
    """
    training.network.train()
    state = TrainingState(training.network, training.optimiser, training.losses, what=training.what)
    state.resume(state_path)
    training.group.require_same(state.step)
    saver = Saver(state_path, seconds_between_saves)
    device = training.device
    bar: Any = progress(total=training.n_steps, what=training.what, unit="step", initial=state.step)
    steps = range(state.step, training.n_steps)
    with (
        bar,
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        made_ahead(training.batch, steps, device=device) as batches,
    ):
        for batch in batches:
            epoch = state.step // training.per_epoch
            state.add(_step(state, training, batch))
            bar.update()
            _log(state, training, epoch, bar)
            for callback in training.callbacks:
                callback.after_step(state, epoch, state_path)
            if training.group.is_first:
                saver.after_step(state)
    for callback in training.callbacks:
        callback.at_end(state, state_path)
    training.network.eval()
    return state.log


def _step(state: TrainingState, training: Training, batch: Any) -> dict[str, Tensor]:
    """One optimiser step; returns its losses, which may still be computing."""
    if training.dropout is not None:
        torch.manual_seed(draws.seed_of(training.seed, training.dropout, state.step))
    losses = dict(training.loss(batch, state.step))
    lowered = losses[TOTAL] if TOTAL in losses else next(iter(losses.values()))
    # A parameter without a gradient stays as it is.
    state.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(lowered)
    groups = state.optimiser.param_groups
    if training.largest_gradient is not None:
        weights = [weight for group in groups for weight in group["params"]]
        torch.nn.utils.clip_grad_norm_(weights, training.largest_gradient)
    if training.rates is not None:
        for group, rate in zip(groups, training.rates(state.step), strict=True):
            group["lr"] = rate
    optimisers.step(state.optimiser)
    if training.after_update is not None:
        training.after_update()
    return {name: loss.detach() for name, loss in losses.items()}


def _log(state: TrainingState, training: Training, epoch: int, bar: Any) -> None:
    """End a line of the training log where it is due: every so many steps, and at the end."""
    per_line = training.per_line or training.per_epoch
    if state.step % per_line and state.step != training.n_steps:
        return
    means = state.end_line(epoch)
    bar.set_postfix({name: f"{value:.4g}" for name, value in means.items()}, refresh=False)
    if training.report is not None:
        training.report(epoch, means)
