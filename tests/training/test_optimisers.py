"""Optimisers without torch's compiler do what they do with it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from cirque.training import optimisers

KINDS = pytest.mark.parametrize(
    ("kind", "settings"),
    [(torch.optim.AdamW, {"weight_decay": 0.1}), (torch.optim.Adam, {}), (torch.optim.SGD, {"momentum": 0.9})],
)


def trained(kind, settings, step) -> list[torch.Tensor]:
    torch.manual_seed(0)
    network = nn.Linear(8, 8)
    optimiser = kind(network.parameters(), lr=0.1, **settings)
    for inputs in torch.randn(5, 4, 8):
        optimiser.zero_grad()
        network(inputs).square().sum().backward()
        step(optimiser)
    return [weight.detach() for weight in network.parameters()]


@KINDS
def test_a_step_is_torch_s_own_to_the_bit(kind, settings) -> None:
    ours, torchs = (trained(kind, settings, step) for step in (optimisers.step, lambda optimiser: optimiser.step()))
    assert all(torch.equal(one, other) for one, other in zip(ours, torchs, strict=True))


@KINDS
def test_steps_and_states_import_no_compiler(kind, settings) -> None:
    script = f"""
import sys, torch
from cirque.training import optimisers
weight = torch.nn.Parameter(torch.ones(2))
optimiser = torch.optim.{kind.__name__}([weight], lr=0.1, **{settings})
optimiser.zero_grad()
weight.sum().backward()
optimisers.step(optimiser)
optimiser.load_state_dict(optimiser.state_dict())
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
