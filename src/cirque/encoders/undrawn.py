"""New models whose random weights are not drawn, because those of a file take their place at once.

    with undrawn():
        model = kind.build(name, config)
    model.load_state_dict(tensors, assign=True)

torch's own way, the device `meta`, imports torch's compiler: seconds of a processor in each of many short jobs. And it
leaves every buffer empty that no file holds.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: What fills a tensor in place with random numbers; other initialisations of torch.nn.init call these.
_DRAWS: frozenset[Callable[..., Any]] = frozenset(
    (Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)
)


class _Undrawn(TorchFunctionMode):
    """Leaves parameters as their memory is where they would be drawn: a file holds each of them, not each buffer."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensor = kwargs.get("tensor", args[0] if args else None)
        if function in _DRAWS and isinstance(tensor, nn.Parameter):
            return tensor
        return function(*args, **kwargs)


@contextmanager
def undrawn() -> Iterator[None]:
    """Build models without drawing the parameters that torch initialises in place; the generator's state is kept."""
    with torch.random.fork_rng(devices=[]), _Undrawn():
        yield
