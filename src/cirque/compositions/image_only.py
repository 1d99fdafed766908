"""The image feature alone, as released: the text is ignored (docs/tables/tirg_fashion200k.md#methods)."""

from torch import Tensor, nn

from cirque.compositions import Query, Sizes


class ImageOnly(nn.Module):
    """φxt = φx."""

    def forward(self, query: Query) -> Tensor:
        """Image features [n, dim]."""
        return query.image


def build(sizes: Sizes) -> nn.Module:
    """A network without parameters."""
    return ImageOnly()
