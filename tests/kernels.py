"""What a step asks of a device, counted on tensors without values: kernels that it launches, copies, and waits.

    with Launches() as seen:
        step()
    seen.kernels, seen.copies, seen.waits

Tensors of the device `meta` have shapes and no values, so that a step at its real size costs no time and no memory, and
all that it would ask of a GPU passes one place: torch's dispatcher. A step that needs a value fails on them.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

META = torch.device("meta")

#: Operations that touch no memory of the device, beside the views that torch knows as such: they hand out memory that
#: nothing fills, or give a tensor another name, shape or place in the graph.
FREE = frozenset(
    (
        *("aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided"),
        *("aten::_unsafe_view", "aten::_reshape_alias", "aten::detach_", "aten::lift_fresh", "aten::set_"),
        *("aten::is_same_size", "aten::sym_size", "aten::resize_", "aten::requires_grad_"),
    )
)

#: Products that begin with a copy of what is added, where it has not the result's shape. cuBLAS adds a row of biases in
#: the product itself (`addmm` of one dimension), but nothing else.
ADDING = frozenset(("aten::addmm", "aten::baddbmm", "aten::addbmm", "aten::addmv"))

#: Operations that bring a value to the host, which waits for the device.
WAITING = frozenset(("aten::_local_scalar_dense", "aten::equal", "aten::nonzero", "aten::masked_select", "aten::item"))


class Launches(TorchDispatchMode):
    """Counts the operations on a device by what they cost.

    An operation on several tensors at once (`_foreach_*`, `_fused_*`) is one launch, as on CUDA up to a few hundred
    tensors.
    """

    def __init__(self) -> None:
        super().__init__()
        self.by_name: Counter[str] = Counter()
        self.copies: list[Tensor] = []  # of the host's memory, that go to the device
        self.waits: list[str] = []

    @property
    def kernels(self) -> int:
        """Launches, copies to the device included."""
        return sum(self.by_name.values())

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = list(_tensors((args, kwargs or {})))
        name = operation._schema.name
        if any(value.device.type == "meta" for value in given) and name in WAITING:
            self.waits.append(name)
        made = operation(*args, **(kwargs or {}))
        touched = [*given, *_tensors(made)]
        if any(value.device.type == "meta" for value in touched) and name not in FREE and not operation.is_view:
            self._count(name, args, given, made)
        return made

    def _count(self, name: str, args: tuple[Any, ...], given: list[Tensor], made: Any) -> None:
        if name in {"aten::_to_copy", "aten::copy_"}:
            self.copies += [value for value in given if value.device.type == "cpu" and value.numel()]
        self.by_name[name] += 1
        if name in ADDING and args[0].ndim > 1:
            self.by_name["copy before a product"] += 1


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
