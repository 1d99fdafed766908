"""The text tower for training pseudo tokens: exact, and as little work as the tower's structure allows.

    encoder = PackedEncoder(backbone, prefixes=["a photo of"])
    texts = encoder.prepare(tokenize(backbone, ["a photo of $ that runs", "a photo of $ that sleeps"]))
    features = encoder(texts.pack(), tokens)  # [2, dim], differentiable in tokens [2, token_dim]

The same function as `text.encode`, differing by floating-point order only:

- Texts are concatenated without padding; only attention sees them one by one (in a few padded buckets, where padding
  costs next to nothing). On a GPU it has kernels of its own (`gathered`): as few as can be, since a step waits for the
  host that launches them.
- The tower is causal, so the positions before the pseudo token do not depend on it: the keys and values of the given
  prefixes are computed once. Only what follows goes forward and backward.
- In the first block only the pseudo token's own row needs a gradient of its queries, keys and values.
- In the last block only the end position is needed. For that one query W_k and W_v move to the other side of the
  products, so that no key or value is computed at all.
- The backbone's weights are constants: no gradient of them is computed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cirque.encoders import gathered, packing, text
from cirque.encoders.imported import open_clip
from cirque.encoders.packing import Bucket, Layout, Texts
from cirque.encoders.token_ids import TokenIds
from cirque.errors import CirqueError

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone

#: QuickGELU is x·σ(1.702 x) = silu(1.702 x) / 1.702; torch has a fused silu, and the factor fits into the weights.
QUICK = 1.702


# ---- attention -----------------------------------------------------------------------------------------------------


class _Attention(torch.autograd.Function):
    """Causal attention of every text over its prefix and itself. qkv [rows, 3·width] → [rows, width].

    Written out, as autograd would first fill a zero gradient of all rows for each bucket.
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, keys: Tensor, values: Tensor, buckets: list[tuple[Bucket, Tensor]]) -> Tensor:
        """`keys` and `values` are the prefixes', [n_prefixes, heads, longest prefix, head width]; buckets with bias."""
        heads, width = keys.shape[1], qkv.shape[1] // 3
        out = qkv.new_empty(len(qkv), width)
        saved = []
        for bucket, bias in buckets:
            n = len(bucket.prefixes)
            parts = qkv.index_select(0, bucket.padded).view(n, bucket.length, 3, heads, -1).permute(2, 0, 3, 1, 4)
            cut = slice(bucket.prefix_length)
            q = (parts[0] * parts.shape[-1] ** -0.5).flatten(0, 1)
            k = torch.cat([keys[bucket.prefixes, :, cut], parts[1]], dim=2).flatten(0, 1)
            v = torch.cat([values[bucket.prefixes, :, cut], parts[2]], dim=2).flatten(0, 1)
            scores = torch.bmm(q, k.mT)
            scores.view(n, heads, *scores.shape[1:]).add_(bias)
            weights = scores.softmax(-1, dtype=torch.float32).to(qkv.dtype)
            mixed = torch.bmm(weights, v).view(n, heads, bucket.length, -1).transpose(1, 2)
            out[bucket.rows] = mixed.reshape(n * bucket.length, width).index_select(0, bucket.places)
            saved += [q, k, v, weights]
        ctx.save_for_backward(*saved)
        ctx.buckets, ctx.heads = buckets, heads
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        """Gradient of qkv; the prefixes are constants."""
        heads, width = ctx.heads, grad.shape[1]
        out = grad.new_empty(len(grad), 3 * width)
        for number, (bucket, _) in enumerate(ctx.buckets):
            q, k, v, weights = ctx.saved_tensors[4 * number : 4 * number + 4]
            n, length, cut = len(bucket.prefixes), bucket.length, slice(bucket.prefix_length, None)
            whole = grad.new_zeros(n * length, width).index_copy_(0, bucket.places, grad[bucket.rows])
            mixed = whole.view(n, length, heads, -1).transpose(1, 2).flatten(0, 1)
            scores = torch._softmax_backward_data(torch.bmm(mixed, v.mT), weights, -1, weights.dtype)
            parts = grad.new_empty(n, length, 3, heads, width // heads)
            heads_first = parts.permute(2, 0, 3, 1, 4)
            heads_first[0] = torch.bmm(scores, k).mul_((width // heads) ** -0.5).view(heads_first.shape[1:])
            heads_first[1] = torch.bmm(scores.mT, q)[:, cut].view(heads_first.shape[1:])
            heads_first[2] = torch.bmm(weights.mT, mixed)[:, cut].view(heads_first.shape[1:])
            out[bucket.rows] = parts.view(n * length, 3 * width).index_select(0, bucket.places)
        return out, None, None, None


# ---- the encoder ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """Constants of a transformer block; LayerScale and the activation's factor are folded into the weights."""

    norm_1: Callable[[Tensor], Tensor]
    qkv: tuple[Tensor, Tensor]  # weight and bias
    out: tuple[Tensor, Tensor]
    norm_2: Callable[[Tensor], Tensor]
    up: tuple[Tensor, Tensor]
    activation: Callable[[Tensor], Tensor]
    down: tuple[Tensor, Tensor]


class PackedEncoder:
    """Text features of texts that share a few beginnings, differentiable in the pseudo tokens."""

    def __init__(self, backbone: "Backbone", prefixes: Sequence[str] = (), dtype: torch.dtype | None = None) -> None:
        """Take the tower's constants and compute the prefixes.

        Args:
            backbone: a CLIP model.
            prefixes: beginnings of texts up to a pseudo token, such as "a photo of". A text that begins with none of
                them is computed from its first word on.
            dtype: of products, if another than that of the tower's weights; sums along the depth, LayerNorm and softmax
                stay in fp32.

        Raises:
            CirqueError: the tower is not CLIP's.
        """
        self.backbone, self.tower = backbone, text.tower(backbone)
        self.dtype = dtype or self.tower.positions.dtype
        blocks = list(self.tower.transformer.resblocks)
        if not all(
            type(block) is open_clip.transformer.ResidualAttentionBlock and not hasattr(block, "ln_1_kv")
            for block in blocks
        ):
            raise CirqueError(f"backbone {backbone.name}: the blocks of its text tower are not CLIP's; use text.encode")
        self.heads: int = blocks[0].attn.num_heads
        with torch.no_grad():
            self.blocks = [_constants(block, self.dtype) for block in blocks]
            ids = [row[:-1] for row in text.tokenize(backbone, ["", *prefixes])]
            self.prefixes = sorted({tuple(row) for row in ids}, key=lambda row: (len(row), row))
            self._store_prefixes()

    @property
    def device(self) -> torch.device:
        """Where the encoder computes."""
        return self.tower.device

    def prepare(self, ids: TokenIds | Sequence[Sequence[int]]) -> Texts:
        """Texts in a form that can be packed quickly and often.

        Args:
            ids: as of `token_ids.tokenize` or `text.tokenize`.

        Raises:
            CirqueError: a text has no placeholder.
        """
        ids = ids if isinstance(ids, TokenIds) else TokenIds.of(ids)
        lacking = np.flatnonzero(~ids.with_id(text.PLACEHOLDER_ID))
        text.require_placeholders(self.backbone, [ids.row(int(number)) for number in lacking[:1]])
        return Texts.of(ids, self.prefixes, self.device)

    def __call__(self, layout: Layout, tokens: Tensor) -> Tensor:
        """Text features, un-normalised.

        Args:
            layout: the packed texts.
            tokens: pseudo tokens [n_tokens, token_dim].

        Returns:
            [n_texts, dim] in fp32, texts in the order given to `Texts.pack`.
        """
        with torch.autocast(self.device.type, enabled=False):
            x, qkv = self._first_rows(layout, tokens.float())
            buckets = [(bucket, bucket.bias()) for bucket in layout.buckets]
            attend = self._attention(buckets)
            for number, block in enumerate(self.blocks[:-1]):
                if number:
                    qkv = _linear(block.norm_1(x).to(self.dtype), block.qkv)
                x = self._finish(block, x, attend(qkv, number))
            x = self._last(self.blocks[-1], x, layout, buckets)
            return self.tower.project(x).float().index_select(0, layout.order)

    def _attention(self, buckets: list[tuple[Bucket, Tensor]]) -> Callable[[Tensor, int], Tensor]:
        """The attention of a block, by its number."""
        if packing.launches_cost(self.device):
            groups = [gathered.Group.of(bucket, bias, self.heads) for bucket, bias in buckets]
            return lambda qkv, number: gathered.Attention.apply(qkv, self.sources[number], groups, self.heads)
        return lambda qkv, number: _Attention.apply(qkv, self.keys[number], self.values[number], buckets)

    def _first_rows(self, layout: Layout, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Input of the first block and its queries, keys and values; only the pseudo tokens' rows have a gradient."""
        block, positions = self.blocks[0], self.tower.positions.float()
        with torch.no_grad():
            x = self.tower.token_embedding(layout.ids).float() + positions[layout.positions]
            qkv = _linear(block.norm_1(x).to(self.dtype), block.qkv)
        injected = tokens.index_select(0, layout.owners) + positions[layout.positions[layout.slots]]
        x.index_copy_(0, layout.slots, injected)
        if len(self.blocks) > 1:
            qkv.index_copy_(0, layout.slots, _linear(block.norm_1(injected).to(self.dtype), block.qkv))
        return x, qkv

    def _finish(self, block: _Block, x: Tensor, mixed: Tensor) -> Tensor:
        """A block after its attention: both residual sums."""
        x = x + _linear(mixed, block.out)
        hidden = block.activation(_linear(block.norm_2(x).to(self.dtype), block.up))
        return x + _linear(hidden, block.down)

    def _last(self, block: _Block, x: Tensor, layout: Layout, buckets: list[tuple[Bucket, Tensor]]) -> Tensor:
        """The last block at the end positions only, [rows, width] → [n_texts, width] in the buckets' order.

        The score of row j is q·W_k x_j = (W_kᵀq)·x_j; b_k adds the same to all scores and drops out of the softmax.
        The weights sum to 1, so that Σ w_j (W_v x_j + b_v) = W_v Σ w_j x_j + b_v.
        """
        width = x.shape[1]
        normed = block.norm_1(x).to(self.dtype)
        (q_weight, k_weight, v_weight), (q_bias, _, v_bias) = (part.chunk(3) for part in block.qkv)
        q = _linear(normed.index_select(0, layout.ends), (q_weight, q_bias))
        q = q.view(-1, self.heads, width // self.heads).transpose(0, 1) * (width // self.heads) ** -0.5
        asked = torch.bmm(q, k_weight.view(self.heads, -1, width)).transpose(0, 1)  # [n_texts, heads, width]
        mixed, counts = [], [len(bucket.prefixes) for bucket in layout.buckets]
        for (bucket, hidden), own in zip(buckets, torch.split(asked, counts), strict=True):
            rows = normed.index_select(0, bucket.padded).view(len(bucket.prefixes), bucket.length, width)
            rows = torch.cat([self.last_rows[bucket.prefixes, : bucket.prefix_length], rows], dim=1)
            which = torch.arange(len(hidden), device=x.device)
            bias = hidden[which if len(which) > 1 else 0, 0, bucket.lasts][:, None]
            weights = (torch.bmm(own, rows.mT) + bias).softmax(-1, dtype=torch.float32)
            mixed.append(torch.bmm(weights.to(self.dtype), rows))
        heads = torch.bmm(torch.cat(mixed).transpose(0, 1), v_weight.view(self.heads, -1, width).mT)
        return self._finish(block, x.index_select(0, layout.ends), heads.transpose(0, 1).flatten(1) + v_bias)

    def _store_prefixes(self) -> None:
        """Keys and values of every prefix in every block but the last, where the normalised rows are kept."""
        longest, n, width = len(self.prefixes[-1]), len(self.prefixes), self.tower.positions.shape[1]
        shape = (len(self.blocks) - 1, n, self.heads, longest, width // self.heads)
        self.keys = torch.zeros(shape, dtype=self.dtype, device=self.device)
        self.values = torch.zeros_like(self.keys)
        self.last_rows = self.keys.new_zeros(n, longest, width)
        for number, prefix in enumerate(self.prefixes):
            ids = torch.tensor(prefix, device=self.device)
            x = self.tower.token_embedding(ids).float() + self.tower.positions[: len(ids)].float()
            for depth, block in enumerate(self.blocks[:-1]):
                qkv = _linear(block.norm_1(x).to(self.dtype), block.qkv)
                q, k, v = qkv.view(len(ids), 3, self.heads, -1).permute(1, 2, 0, 3)
                self.keys[depth, number, :, : len(ids)] = k
                self.values[depth, number, :, : len(ids)] = v
                mixed = functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
                x = self._finish(block, x, mixed.transpose(0, 1).flatten(1))
            self.last_rows[number, : len(ids)] = self.blocks[-1].norm_1(x)
        if packing.launches_cost(self.device):
            self.sources = [gathered.sources(*of_block) for of_block in zip(self.keys, self.values, strict=True)]


def _constants(block: open_clip.transformer.ResidualAttentionBlock, dtype: torch.dtype) -> _Block:
    """Take a block's weights."""
    up, down = block.mlp.c_fc, block.mlp.c_proj
    quick = isinstance(block.mlp.gelu, open_clip.transformer.QuickGELU)
    factor = QUICK if quick else 1.0
    return _Block(
        _norm(block.ln_1),
        _scaled(block.attn.in_proj_weight, block.attn.in_proj_bias, dtype),
        _scaled(block.attn.out_proj.weight, block.attn.out_proj.bias, dtype, _gamma(block.ls_1)),
        _norm(block.ln_2),
        _scaled(up.weight, up.bias, dtype, factor),
        functional.silu if quick else block.mlp.gelu,
        _scaled(down.weight, down.bias, dtype, _gamma(block.ls_2), 1 / factor),
    )


def _linear(x: Tensor, weights: tuple[Tensor, Tensor]) -> Tensor:
    """The linear map x Wᵀ + b."""
    if x.device.type != "cpu":
        return functional.linear(x, *weights)  # one kernel, bias included
    # A sixth faster here than torch's own linear, for the wide layers.
    return torch.mm(x, weights[0].t()).add_(weights[1])


def _gamma(scale: nn.Module) -> Tensor | float:
    """LayerScale's factors, or 1 where the model has none."""
    return getattr(scale, "gamma", 1.0)


def _scaled(
    weight: Tensor, bias: Tensor, dtype: torch.dtype, output: Tensor | float = 1.0, inputs: float = 1.0
) -> tuple[Tensor, Tensor]:
    """A linear map whose outputs are multiplied by `output` and whose inputs by `inputs`; a copy only if needed."""
    if isinstance(output, Tensor) or output != 1.0 or inputs != 1.0:
        rows = output[:, None] if isinstance(output, Tensor) else output
        weight, bias = weight * rows * inputs, bias * output
    return weight.detach().to(dtype), bias.detach().to(dtype)


def _norm(norm: nn.LayerNorm) -> Callable[[Tensor], Tensor]:
    """LayerNorm in fp32."""
    shape, weight, bias, eps = norm.normalized_shape, norm.weight.detach().float(), norm.bias.detach().float(), norm.eps
    return lambda x: functional.layer_norm(x, shape, weight, bias, eps)
