"""Image and text feature side by side, then a small network; as released (docs/tables/tirg_fashion200k.md#methods)."""

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes

#: As released.
DROPOUT = 0.1


class Concatenate(nn.Module):
    """φxt = MLP([φx, φt]): BatchNorm – ReLU – Linear(2d→2d) – BatchNorm – ReLU – Dropout – Linear(2d→d)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(2 * dim),
            nn.ReLU(),
            nn.Linear(2 * dim, 2 * dim),
            nn.BatchNorm1d(2 * dim),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(2 * dim, dim),
        )

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads image and text features."""
        composed: Tensor = self.layers(torch.cat([query.image, query.text], dim=1))
        return composed


def build(sizes: Sizes) -> nn.Module:
    """A network with PyTorch's default initial weights."""
    return Concatenate(sizes.dim)
