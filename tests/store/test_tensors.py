"""What an unfinished job keeps comes back bit for bit, or is refused with its name."""

import os

import pytest
import torch

from cirque.errors import CirqueError
from cirque.store import tensors

KEPT = {
    "weights": torch.linspace(-1, 1, 1000).reshape(10, 100),
    "step": torch.tensor(7.0),
    "none": torch.zeros(0, 3),
    "half": torch.ones(5, dtype=torch.bfloat16),
    "whole": torch.arange(4),
}
FACTS = {"step": 7, "log": [{"loss": "cos", "value": 0.25}]}


@pytest.fixture
def path(tmp_path):
    kept = tmp_path / "state.safetensors"
    tensors.save(kept, KEPT, FACTS)
    return kept


def test_it_comes_back_bit_for_bit(path):
    stored, facts = tensors.load(path)
    assert facts == FACTS
    assert all(torch.equal(stored[name], value) and stored[name].dtype == value.dtype for name, value in KEPT.items())
    assert set(stored) == set(KEPT)


def flip(path, at):
    content = bytearray(path.read_bytes())
    times = path.stat()
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("at", [0.0, 0.01, 0.05, 0.2, 0.6, 0.99])
def test_a_flipped_bit_is_refused_wherever_it_lies(path, at):
    flip(path, at)
    with pytest.raises(CirqueError, match=r"state\.safetensors: cut short or altered"):
        tensors.load(path)


@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_a_part_is_refused(path, left):
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(CirqueError, match=r"state\.safetensors: cut short or altered"):
        tensors.load(path)
