"""A text as a matrix that acts on the image feature; our own design (docs/tables/tirg_fashion200k.md#methods).

The original has a table with one matrix for each adjective, which starts at the identity; here a linear layer makes
the matrix of any text.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes


class AttributeOperator(nn.Module):
    """φxt = ReLU(T φx) with T = I + reshape(Linear(d→d²)(φt)). The linear layer starts at 0, T at the identity."""

    #: Parts that learn at a fraction of the rate of all else, as operators do in the original.
    RATES: ClassVar[dict[str, float]] = {"operator": 0.1}

    def __init__(self, dim: int) -> None:
        super().__init__()
        # d³ weights: 134 million random numbers would be drawn at d = 512 only to be set to 0.
        with torch.device("meta"):
            operator = nn.Linear(dim, dim * dim)
        operator.weight, operator.bias = nn.Parameter(torch.zeros(dim * dim, dim)), nn.Parameter(torch.zeros(dim * dim))
        self.operator = operator

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads image and text features."""
        image = query.image
        change = self.operator(query.text).view(-1, image.shape[1], image.shape[1])  # [n, d, d]
        return torch.relu(image + torch.einsum("nij,nj->ni", change, image))


def build(sizes: Sizes) -> nn.Module:
    """A network that starts as ReLU(φx)."""
    return AttributeOperator(sizes.dim)
