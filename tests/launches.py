"""What a step asks of a device, counted on tensors without values: kernels that it launches, copies, and waits.

    with without_values(monkeypatch), Launches() as seen:
        step()
    seen.kernels, seen.copies

Tensors of the device `meta` have shapes and no values, so that a step at its real size costs neither time nor memory,
and all that it would ask of a GPU passes one place: torch's dispatcher. A step that needs a value fails on them.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import optimizer
from torch.utils._python_dispatch import TorchDispatchMode

from cirque.encoders import moving, text

META = torch.device("meta")

#: Operations that launch nothing, beside the views that torch knows as such (another shape, stride or name of the same
#: memory): they hand out memory that nothing fills, or change a tensor's place in the graph.
FREE = frozenset(
    f"aten::{name}"
    for name in (
        *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
        *("_unsafe_view", "_reshape_alias", "detach_", "lift_fresh", "set_", "resize_", "is_same_size"),
    )
)

#: Products that begin with a copy of what they add. Of one dimension, a row of biases, cuBLAS adds it in the product;
#: in place (`baddbmm_`) there is nothing to copy.
ADDING = frozenset(("aten::addmm", "aten::baddbmm", "aten::addbmm"))

#: Copies of one tensor to another, or to another device.
COPYING = frozenset(("aten::_to_copy", "aten::copy_"))

#: Bring a value, or a shape that depends on values, to the host, which waits for the device.
WAITING = frozenset(
    ("aten::_local_scalar_dense", "aten::equal", "aten::nonzero", "aten::masked_select", "aten::_unique2")
)


class Launches(TorchDispatchMode):
    """Counts what operations on a device cost; an operation on many tensors (`_foreach_*`, `_fused_*`) is one launch.

    Attributes:
        by_name: launches, copies to the device included, by operation.
        copies: of the host's memory, that go to the device.
        waits: operations that make the host wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.by_name: Counter[str] = Counter()
        self.copies: list[Tensor] = []
        self.waits: list[str] = []

    @property
    def kernels(self) -> int:
        """Launches in all."""
        return self.by_name.total()

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, given = operation._schema.name, list(_tensors((args, kwargs or {})))
        if name in WAITING and any(map(_is_there, given)):
            self.waits.append(name)
        made = operation(*args, **(kwargs or {}))
        if name not in FREE and not operation.is_view and any(map(_is_there, [*given, *_tensors(made)])):
            self.by_name[name] += 1
            if name in ADDING and args[0].ndim > 1:
                self.by_name["copy before a product"] += 1
            if name in COPYING:
                self.copies += [value for value in given if not _is_there(value)]
        return made


def _is_there(value: Tensor) -> bool:
    return value.device == META


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


@dataclass
class Buffers:
    """The buffers from which batches were copied, which are pinned where the device is a GPU."""

    made: list[Tensor] = field(default_factory=list)

    def hold(self, copied: Tensor) -> bool:
        """Whether a tensor is one of them."""
        return any(copied is buffer for buffer in self.made)


def without_values(patch: pytest.MonkeyPatch) -> Buffers:
    """Let the device `meta` pass for a GPU: fused optimisers, no autocast, and masks whose values are not looked at."""
    for kind in ("fused", "foreach"):
        name = f"_get_{kind}_kernels_supported_devices"
        known = getattr(optimizer, name)()
        patch.setattr(optimizer, name, lambda known=known: [*known, META.type])
    patch.setattr(torch, "autocast", lambda *given, **settings: contextlib.nullcontext())
    patch.setattr(text, "_is_causal", lambda mask: True)
    buffers, buffer_of = Buffers(), moving.host_buffer

    def host_buffer(n_bytes: int, device: torch.device) -> Tensor:
        buffers.made.append(buffer_of(n_bytes, device))
        return buffers.made[-1]

    patch.setattr(moving, "host_buffer", host_buffer)
    return buffers
