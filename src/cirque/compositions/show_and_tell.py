"""An LSTM that reads the image feature and then the words; our own design (docs/tables/tirg_fashion200k.md#methods).

The paper takes the LSTM's last state; dropout and a linear layer follow here as in the released text encoder.
"""

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes
from cirque.compositions.text_encoder import Reader


class ShowAndTell(nn.Module):
    """φxt = Linear(Dropout(state after φx, w₁, …, w_last)). The words are the text encoder's, the LSTM is another."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reader = Reader(dim)

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads image features and words."""
        words, lengths = query.words
        composed: Tensor = self.reader(torch.cat([query.image[:, None], words], dim=1), lengths + 1)
        return composed


def build(sizes: Sizes) -> nn.Module:
    """A network with PyTorch's default initial weights."""
    return ShowAndTell(sizes.dim)
