"""A layer of the image encoder with weights made of the text; our own design (docs/tables/tirg_fashion200k.md#methods).

DPPnet predicts candidate weights of the text and fills the matrix from them by a hash. Which layer is replaced, the
number of candidates and their scale are not published.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from cirque import draws
from cirque.compositions import Query, Sizes
from cirque.errors import CirqueError

#: Seed of the hash: it is a part of the architecture, so that no run's seed changes it.
HASH_SEED = 0


class ParameterHashing(nn.Module):
    """φxt = T · pool(maps) + bias with T[m, c] = p[hash(m, c)] · sign(m, c): T stands for the last fc.

    p = gain · LayerNorm(Linear(d→K)(φt)). The layer norm has no parameters; the gain starts at 1/√(3C), so that T
    starts with the variance of a default Linear(C→d), however long φt is.
    """

    hash: Tensor
    signs: Tensor

    def __init__(self, channels: int, dim: int, n_candidates: int) -> None:
        super().__init__()
        self.candidates = nn.Linear(dim, n_candidates)
        self.gain = nn.Parameter(torch.tensor(1 / math.sqrt(3 * channels)))
        bound = 1 / math.sqrt(channels)
        self.bias = nn.Parameter(torch.empty(dim).uniform_(-bound, bound))
        generator = draws.generator(HASH_SEED, "parameter hashing")
        places = generator.integers(n_candidates, size=(dim, channels))
        signs = 2 * generator.integers(2, size=(dim, channels)) - 1
        self.register_buffer("hash", torch.as_tensor(places))
        self.register_buffer("signs", torch.as_tensor(signs, dtype=self.bias.dtype))

    def weights(self, text: Tensor) -> Tensor:
        """T of each text [n, dim, channels] of text features [n, dim]."""
        predicted = self.candidates(text)
        p = self.gain * layer_norm(predicted, predicted.shape[1:])
        return p.index_select(1, self.hash.flatten()).view(-1, *self.hash.shape) * self.signs

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads pooled maps and text features."""
        return torch.einsum("nmc,nc->nm", self.weights(query.text), query.pooled) + self.bias


def build(sizes: Sizes, *, n_candidates: int) -> nn.Module:
    """A network with PyTorch's default initial weights.

    Args:
        sizes: of features and maps.
        n_candidates: K; at 4,096 of 512 × 512 weights, 64 share a candidate (DPPnet: about 100).

    Raises:
        CirqueError: fewer than two candidates, of which the norm leaves nothing.
    """
    if n_candidates < 2:
        raise CirqueError(f"parameter hashing: n_candidates {n_candidates} makes no matrix; give at least 2")
    return ParameterHashing(sizes.channels, sizes.dim, n_candidates)
