"""The text scales and shifts every block of the trunk; our own design (docs/tables/tirg_fashion200k.md#methods).

The paper's sentence (after Perez et al. 2018) asks for an effect in every layer; one pair (γ, β) for each residual
block is our choice.
"""

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes

#: It changes maps inside the trunk: maps that were computed before do not serve it.
READS_PIXELS = True


class Film(nn.Module):
    """φxt = head(trunk with block i's map · γᵢ + βᵢ), where [γ − 1, β] = Linear(d→2·Σ channels)(φt).

    The linear layer starts at 0, so that the training starts from the plain network.
    """

    def __init__(self, dim: int, blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.blocks = blocks
        self.modulation = nn.Linear(dim, 2 * sum(blocks))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads text features and passes the references through the trunk again."""
        deltas, shifts = self.modulation(query.text)[:, :, None, None].chunk(2, dim=1)
        scales, shifts = (1 + deltas).split(self.blocks, dim=1), shifts.split(self.blocks, dim=1)

        def change(block: int, maps: Tensor) -> Tensor:
            return torch.addcmul(shifts[block], scales[block], maps)

        return query.head(query.passed_again(change))


def build(sizes: Sizes) -> nn.Module:
    """A network that starts as the image feature."""
    return Film(sizes.dim, sizes.blocks)
