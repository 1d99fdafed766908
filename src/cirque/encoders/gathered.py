"""Attention of packed texts in as few kernels as it can have: thirteen a bucket and block, forward and backward.

    groups = [Group.of(bucket, bucket.bias(), heads) for bucket in layout.buckets]
    mixed = Attention.apply(qkv, sources(keys, values), groups, heads)  # [rows, width]

The same sums as `packed`'s own, which serves processors: there a kernel costs nothing to launch. On a GPU a step of
short texts lasts as long as its launches do. So queries, keys and values of a bucket are gathered at once into the
order in which the products read them, one index for each head of a row, and the factor of the queries is part of
another operation.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cirque.encoders.packing import Bucket


@dataclass(frozen=True)
class Group:
    """A bucket of n texts, length L, prefix length P, with indices of heads h of its rows instead of rows."""

    rows: slice  # of the packed matrix
    bias: Tensor  # [n or 1, 1, L, P + L]
    into: Tensor  # [3·n·h·(P + L)] where the queries, keys and values of each padded place stand
    out: Tensor  # [rows·h] padded place of each head of a row
    into_gradient: Tensor  # [n·h·L] where the gradient of each padded place stands
    out_gradient: Tensor  # [rows·3·h] padded place of each query, key and value of a row
    shape: tuple[int, int, int, int]  # n, h, L, P + L

    @classmethod
    def of(cls, bucket: Bucket, bias: Tensor, heads: int) -> "Group":
        """The indices of a bucket, made on its device."""
        (n, depth), length, device = bucket.sources.shape, bucket.length, bucket.sources.device
        each = torch.arange(3 * heads, device=device)
        into = torch.add(each.view(3, 1, heads, 1), bucket.sources[:, None], alpha=3 * heads)
        own = torch.add(each[:heads, None], bucket.sources[:, None, bucket.prefix_length :], alpha=heads)
        # A padded place is text·L + place; with heads, (text·h + head)·L + place.
        place = torch.add(bucket.places, bucket.texts, alpha=(heads - 1) * length)
        deep = torch.add(bucket.places, bucket.texts, alpha=heads * depth - length)
        parts = torch.arange(0, 3 * n * heads * depth, n * heads * depth, device=device)
        first = bucket.prefix_length
        ends = torch.add(parts[:, None] + first, each[:heads], alpha=depth)
        return cls(
            bucket.rows,
            bias,
            into.flatten(),
            torch.add(place[:, None], each[:heads], alpha=length).flatten(),
            own.flatten(),
            (deep[:, None, None] + ends).flatten(),
            (n, heads, length, depth),
        )


def sources(keys: Tensor, values: Tensor) -> Tensor:
    """What stands after the packed rows for `Bucket.sources`: a row of zeros, and rows of the prefixes.

    Args:
        keys: of the prefixes in one block [n_prefixes, heads, longest prefix, head width].
        values: likewise.

    Returns:
        [1 + n_prefixes · longest prefix, 3·width]; queries, which nobody reads, are zeros.
    """
    parts = torch.stack([torch.zeros_like(keys), keys, values]).permute(1, 3, 0, 2, 4).flatten(0, 1).flatten(1)
    return torch.cat([parts.new_zeros(1, parts.shape[1]), parts])


class Attention(torch.autograd.Function):
    """Causal attention of every text over its prefix and itself. qkv [rows, 3·width] → [rows, width]."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, constants: Tensor, groups: list[Group], heads: int) -> Tensor:
        """`constants` are the `sources` of the prefixes."""
        width = qkv.shape[1] // 3
        head_width = width // heads
        scale = head_width**-0.5
        out = qkv.new_empty(len(qkv), width)
        flat = torch.cat([qkv, constants]).view(-1, head_width)
        saved = []
        for group in groups:
            n, _, length, depth = group.shape
            parts = flat.index_select(0, group.into).view(3, n * heads, depth, head_width)
            q, k, v = parts[0, :, depth - length :], parts[1], parts[2]
            scores = torch.bmm(q, k.mT).view(group.shape)
            weights = torch.add(group.bias, scores, alpha=scale).softmax(-1, dtype=torch.float32).to(qkv.dtype)
            weights = weights.view(n * heads, length, depth)
            mixed = torch.bmm(weights, v).view(-1, head_width)
            torch.index_select(mixed, 0, group.out, out=out[group.rows].view(-1, head_width))
            saved += [parts, weights]
        ctx.save_for_backward(*saved, constants)
        ctx.groups, ctx.scale = groups, scale
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        """Gradient of qkv; the prefixes are constants."""
        *saved, constants = ctx.saved_tensors
        head_width, width = saved[0].shape[-1], grad.shape[1]
        out = grad.new_empty(len(grad), 3 * width)
        flat = torch.cat([grad, constants[:1, :width]]).view(-1, head_width)
        for number, group in enumerate(ctx.groups):
            parts, weights = saved[2 * number : 2 * number + 2]
            n, heads, length, depth = group.shape
            own = slice(depth - length, None)
            mixed = flat.index_select(0, group.into_gradient).view(n * heads, length, head_width)
            scores = torch._softmax_backward_data(torch.bmm(mixed, parts[2].mT), weights, -1, weights.dtype)
            found = torch.empty_like(parts)
            # With β = 0 what stood there is not read.
            found[0, :, own].baddbmm_(scores, parts[1], beta=0, alpha=ctx.scale)
            found[1].baddbmm_(scores.mT, parts[0, :, own], beta=0, alpha=ctx.scale)
            torch.bmm(weights.mT, mixed, out=found[2])
            rows = out[group.rows].view(-1, head_width)
            torch.index_select(found.view(-1, head_width), 0, group.out_gradient, out=rows)
        return out, None, None, None
