"""A batch goes to the device in one copy, from memory that the copy need not wait for.

    batch = moved(Batch(features, layout), torch.device("cuda", 0))

A copy of its own for each small index array costs a launch; one from pageable memory makes the host wait for the
device. Here all tensors of a batch share one pinned buffer, which is cut up again on the device, without a kernel.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

#: Bytes by which tensors begin within the buffer: torch's own allocator aligns so, too.
ALIGNMENT = 512

Batch = TypeVar("Batch")


def moved(batch: Batch, device: torch.device) -> Batch:
    """A batch of which every tensor is on a device.

    Args:
        batch: a tensor, or dataclasses, lists and tuples of tensors in the host's memory; other values are kept.
        device: where it is needed; on a processor nothing is moved.
    """
    if device.type == "cpu":
        return batch
    found = list(_tensors(batch))
    starts, end = [], 0
    for tensor in found:
        starts.append(end)
        end += -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
    buffer = host_buffer(end, device)
    for tensor, start in zip(found, starts, strict=True):
        _cut(buffer, start, tensor).copy_(tensor)
    there = buffer.to(device, non_blocking=True)
    cut = [_cut(there, start, tensor) for tensor, start in zip(found, starts, strict=True)]
    replaced: Batch = _replaced(batch, iter(cut))
    return replaced


def host_buffer(n_bytes: int, device: torch.device) -> Tensor:
    """Memory from which a device copies by itself: pinned, for a GPU; torch gives it out anew once it was copied."""
    return torch.empty(n_bytes, dtype=torch.uint8, pin_memory=device.type == "cuda")


def _cut(buffer: Tensor, start: int, like: Tensor) -> Tensor:
    """The part of a buffer that holds a tensor."""
    return buffer[start : start + like.nbytes].view(like.dtype).view(like.shape)


def _tensors(batch: Any) -> Iterator[Tensor]:
    """Tensors of a batch in turn."""
    if isinstance(batch, Tensor):
        yield batch
    for part in _parts(batch):
        yield from _tensors(part)


def _parts(batch: Any) -> list[Any]:
    if dataclasses.is_dataclass(batch):
        return [getattr(batch, field.name) for field in dataclasses.fields(batch)]
    return list(batch) if isinstance(batch, list | tuple) else []


def _replaced(batch: Any, tensors: Iterator[Tensor]) -> Any:
    """A batch with other tensors, in the order of `_tensors`."""
    if isinstance(batch, Tensor):
        return next(tensors)
    parts = [_replaced(part, tensors) for part in _parts(batch)]
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return type(batch)(**dict(zip((field.name for field in dataclasses.fields(batch)), parts, strict=True)))
    return type(batch)(parts) if parts else batch
