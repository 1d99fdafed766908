from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from cirque.encoders import moving
from cirque.encoders.moving import moved
from tests.launches import META, Launches


@dataclass(frozen=True)
class Inner:
    numbers: Tensor
    rows: slice


@dataclass(frozen=True)
class Outer:
    values: Tensor
    parts: list[Inner]
    nothing: Tensor | None
    name: str


def batch() -> Outer:
    parts = [Inner(torch.arange(5), slice(1, 3)), Inner(torch.zeros(0, dtype=torch.int64), slice(0, 0))]
    return Outer(torch.tensor([[0.5, -torch.inf], [2.0, 3.0]]), parts, None, "a batch")


def test_a_processor_gets_the_batch_itself() -> None:
    own = batch()
    assert moved(own, torch.device("cpu")) is own


def test_all_tensors_go_in_one_copy_and_all_else_stays() -> None:
    with Launches() as seen:
        there = moved(batch(), META)
    assert len(seen.copies) == seen.kernels == 1
    assert (there.values.device, there.values.dtype, there.values.shape) == (META, torch.float32, (2, 2))
    assert [part.numbers.shape for part in there.parts] == [(5,), (0,)]
    assert there.parts[0].numbers.dtype == torch.int64
    assert (there.parts[0].rows, there.nothing, there.name) == (slice(1, 3), None, "a batch")


def test_what_arrives_is_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Tensor] = []

    def buffer(n_bytes: int, device: torch.device) -> Tensor:
        sent.append(torch.empty(n_bytes, dtype=torch.uint8))
        return sent[0]

    monkeypatch.setattr(moving, "host_buffer", buffer)
    mixed = (torch.tensor([True, False, True]), torch.arange(7, dtype=torch.int32), torch.rand(3, 2, 5).transpose(0, 2))
    moved(mixed, META)
    starts = [0, moving.ALIGNMENT, 2 * moving.ALIGNMENT]
    for own, start in zip(mixed, starts, strict=True):
        assert torch.equal(moving._cut(sent[0], start, own), own)


def test_the_buffer_of_a_gpu_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "empty", lambda *size, **settings: asked.append(settings))
    moving.host_buffer(8, torch.device("cuda", 0))
    moving.host_buffer(8, META)
    assert [settings["pin_memory"] for settings in asked] == [True, False]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gets_the_same_values() -> None:
    there, own = moved(batch(), torch.device("cuda", 0)), batch()
    assert torch.equal(there.values.cpu(), own.values)
    assert torch.equal(there.parts[0].numbers.cpu(), own.parts[0].numbers)
