"""All pairs of places with the text through an MLP, averaged; our own design (docs/tables/tirg_fashion200k.md#methods).

The paper's sentence is kept (Santoro et al. 2017); widths and number of layers are not published.
"""

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes


class Relationship(nn.Module):
    """φxt = Linear(mean over ordered pairs (i, j) of MLP([f_i, f_j, φt])), i = j included.

    The MLP is Linear(2C+d→d) – ReLU – Linear(d→d) – ReLU – Linear(d→d) – ReLU.
    """

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.parts = [channels, channels, dim]
        self.first = nn.Linear(sum(self.parts), dim)
        self.others = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Linear(dim, dim),
            nn.ReLU(inplace=True),
            nn.Linear(dim, dim),
            nn.ReLU(inplace=True),
        )
        self.last = nn.Linear(dim, dim)

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads maps and text features.

        The first layer is linear in f_i, f_j and φt: it is applied to each alone, and sums are made of pairs, so that
        no vector of length 2C + d is made for any of the (height · width)² pairs.
        """
        places = query.maps.flatten(2).transpose(1, 2)  # [n, N, C]
        of_one, of_other, of_text = torch.split(self.first.weight, self.parts, dim=1)
        text = (query.text @ of_text.T + self.first.bias)[:, None]  # [n, 1, d]
        pairs = (places @ of_one.T + text)[:, :, None] + (places @ of_other.T)[:, None]  # [n, N, N, d]
        composed: Tensor = self.last(self.others(pairs).mean(dim=(1, 2)))
        return composed


def build(sizes: Sizes) -> nn.Module:
    """A network with PyTorch's default initial weights."""
    return Relationship(sizes.channels, sizes.dim)
