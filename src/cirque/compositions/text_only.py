"""The text feature alone, as released: the reference image is ignored (docs/tables/tirg_fashion200k.md#methods)."""

from torch import Tensor, nn

from cirque.compositions import Query, Sizes


class TextOnly(nn.Module):
    """φxt = φt."""

    def forward(self, query: Query) -> Tensor:
        """Text features [n, dim]."""
        return query.text


def build(sizes: Sizes) -> nn.Module:
    """A network without parameters."""
    return TextOnly()
