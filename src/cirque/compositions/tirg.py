"""TIRG (§3 of its paper): the image feature, gated, and a residual; shapes and first weights as released.

The paper's equations write two 3 × 3 convolutions with batch normalisation and ReLU for either branch; the released
gate at the last fc has one layer, and neither branch has a normalisation between its layers.
"""

from abc import ABC

import torch
from torch import Tensor, nn

from cirque.compositions import Query, Sizes
from cirque.errors import CirqueError

#: Which of the two terms there are: the full model, and the ablations "gated" and "residue feature only" (Table 5).
BRANCHES = ("both", "gated", "residual")


class Tirg(nn.Module, ABC):
    """a₀ · σ(gate) ⊙ x + a₁ · residual, where x is the image feature or the map.

    Attributes:
        mixing: learnable weights (a₀, a₁, a₂, a₃) that start at (1, residual_start, 1, 1). As released there are four;
            the last two are not used.
        gate: from [x, φt] to the shape of x; None without this branch.
        residual: likewise.
    """

    def __init__(self, gate: nn.Module | None, residual: nn.Module | None, residual_start: float) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.tensor([1.0, residual_start, 1.0, 1.0]))
        self.gate, self.residual = gate, residual

    def mixed(self, x: Tensor, text: Tensor) -> Tensor:
        """The composed feature or map, of x's shape, of x [n, C, …] and a text feature [n, dim, …] at each place."""
        joint = torch.cat([x, text], dim=1)
        mixed = torch.zeros_like(x)
        if self.gate is not None:
            mixed = mixed + self.mixing[0] * self.gate(joint).sigmoid() * x
        if self.residual is not None:
            mixed = mixed + self.mixing[1] * self.residual(joint)
        return mixed


class LastFc(Tirg):
    """Acts on the image feature."""

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads image and text features."""
        return self.mixed(query.image, query.text)


class LastConv(Tirg):
    """Acts on the trunk's last map; pooling and last fc of the image encoder follow."""

    def forward(self, query: Query) -> Tensor:
        """Composed features [n, dim]; reads maps and text features."""
        maps = query.maps
        text = query.text[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        return query.head(self.mixed(maps, text))


def fc_gate(dim: int) -> nn.Module:
    """BatchNorm – ReLU – Linear(2d→d)."""
    return nn.Sequential(nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))


def fc_residual(dim: int, hidden: int) -> nn.Module:
    """BatchNorm – ReLU – Linear(2d→hidden) – ReLU – Linear(hidden→d)."""
    return nn.Sequential(
        nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, hidden), nn.ReLU(), nn.Linear(hidden, dim)
    )


def conv_stack(channels: int, dim: int, hidden: int) -> nn.Module:
    """BatchNorm – Conv 3×3(C+d→hidden) – ReLU – Conv 3×3(hidden→C): gate and residual alike."""
    return nn.Sequential(
        nn.BatchNorm2d(channels + dim),
        nn.Conv2d(channels + dim, hidden, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(hidden, channels, 3, padding=1),
    )


def build(sizes: Sizes, *, level: str, hidden: int, residual_start: float, branches: str) -> nn.Module:
    """A network with PyTorch's default initial weights.

    Args:
        sizes: of features and maps.
        level: `fc` acts on the image feature, `conv` on the trunk's last map.
        hidden: width between the two layers of the residual, and of the gate at level `conv`; 2d in the paper.
        residual_start: first value of a₁; 10 as released.
        branches: `both`, or only `gated` or `residual`.

    Raises:
        CirqueError: no such level or branches.
    """
    if level not in ("fc", "conv") or branches not in BRANCHES:
        raise CirqueError(
            f"tirg: no level {level!r} with branches {branches!r}; levels are fc and conv, branches"
            f" {', '.join(BRANCHES)}"
        )
    gated, residual = branches != "residual", branches != "gated"
    if level == "fc":
        return LastFc(
            fc_gate(sizes.dim) if gated else None,
            fc_residual(sizes.dim, hidden) if residual else None,
            residual_start,
        )
    return LastConv(
        conv_stack(sizes.channels, sizes.dim, hidden) if gated else None,
        conv_stack(sizes.channels, sizes.dim, hidden) if residual else None,
        residual_start,
    )
