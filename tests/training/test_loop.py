import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from cirque.errors import CirqueError
from cirque.training import loop
from cirque.training.loop import STEPS_BETWEEN_LOOKS, Training, fit


class Names(TorchDispatchMode):
    """Counts operations by name."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen[operation._schema.name] += 1
        return operation(*args, **(kwargs or {}))


def training(n_steps: int, broken: int | None = None, **changes: Any) -> Training:
    """Two losses, the first of which is no number in the broken step; the batch is the step's number."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Linear(3, 1)

    def loss(batch: Tensor, step: int) -> dict[str, Tensor]:
        near = network(batch).square().mean()
        return {"near": near * (torch.nan if step == broken else 1), "far": 2 * near}

    given = {
        "n_steps": n_steps,
        "per_epoch": 10,
        "batch": lambda step: torch.full((2, 3), 1 / (step + 1)),
        "loss": loss,
        "seed": 0,
        **changes,
    }
    return Training(network, torch.optim.SGD(network.parameters(), lr=0.01), ("near", "far"), **given)


def test_losses_are_looked_at_every_so_many_steps_and_no_step_waits(tmp_path: Path) -> None:
    n_steps = 2 * STEPS_BETWEEN_LOOKS + 7
    with Names() as names:
        fit(training(n_steps, per_line=1000), tmp_path / "state.safetensors")
    assert names.seen["aten::stack"] == 3
    assert names.seen["aten::_local_scalar_dense"] == 0


def test_the_log_is_the_same_however_often_losses_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fit(training(63, per_line=9), tmp_path / "state.safetensors")
    monkeypatch.setattr(loop, "STEPS_BETWEEN_LOOKS", 1)
    assert fit(training(63, per_line=9), tmp_path / "other.safetensors") == log
    assert [row["step"] for row in log] == [step for step in range(9, 64, 9) for _ in range(2)]


def test_a_line_is_the_mean_of_its_steps(tmp_path: Path) -> None:
    lines = fit(training(40, per_line=20), tmp_path / "state.safetensors")
    single = fit(training(40, per_line=1), tmp_path / "other.safetensors")
    of_near = [row["value"] for row in single if row["loss"] == "near"]
    assert lines[2]["value"] == sum(of_near[20:]) / 20


def test_a_loss_that_is_not_finite_names_its_own_step_and_nothing_is_saved(tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    with pytest.raises(CirqueError, match=r"the losses are \{'near': nan, .*\} at step 11; nothing was written"):
        fit(training(60, broken=11), state)
    assert not state.exists()


def test_batches_are_made_in_another_thread_and_drawn_by_step_alone(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def batch(step: int) -> Tensor:
        asked.append((step, threading.get_ident()))
        return torch.full((2, 3), 1 / (step + 1))

    fit(training(12, batch=batch), tmp_path / "state.safetensors")
    assert [step for step, _ in asked] == list(range(12))
    assert threading.get_ident() not in {thread for _, thread in asked}


def test_a_batch_that_cannot_be_made_ends_the_training_which_goes_on_from_the_step_before(tmp_path: Path) -> None:
    def batch(step: int) -> Tensor:
        if step == 5:
            raise CirqueError("caption 17: its words are not those of the caption")
        return torch.full((2, 3), 1 / (step + 1))

    state = tmp_path / "state.safetensors"
    with pytest.raises(CirqueError, match="caption 17"):
        fit(training(12, batch=batch), state, seconds_between_saves=0.0)
    steps: list[int] = []
    resumed = fit(training(12, after_update=lambda: steps.append(1)), state)
    assert len(steps) == 12 - 5
    assert resumed == fit(training(12), tmp_path / "whole.safetensors")
