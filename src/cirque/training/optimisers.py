"""Optimisers of torch without its compiler, which their first call would import: two seconds of each short job.

    optimiser = torch.optim.AdamW(…)
    loss.backward()
    optimisers.step(optimiser)  # bit for bit what optimiser.step() does

Nothing here is compiled. torch wraps an optimiser's methods to keep the compiler away from them, and imports it to do
so. A version of torch that wraps them otherwise imports the compiler as before.
"""

import inspect
from typing import Any

import torch


def _leave_out_compiler() -> None:
    """Say of each wrapped method what it is when the compiler is kept away: itself."""
    for method in vars(torch.optim.Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None:
            plain.__dynamo_disable = plain


_leave_out_compiler()


def step(optimiser: torch.optim.Optimizer) -> None:
    """Change the weights by their gradients, as `optimiser.step()`."""
    with torch.no_grad():
        inspect.unwrap(type(optimiser).step)(optimiser)


def fused(device: torch.device) -> dict[str, Any]:
    """Settings by which an optimiser changes all weights of a kind in one kernel, where launching one costs.

    On a processor torch's own choice stays, and with it the last bit of results.
    """
    return {} if device.type == "cpu" else {"fused": True}
