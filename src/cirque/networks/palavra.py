"""PALAVRA's networks: f_θ, which makes a pseudo token of a set of images, and A, which moves texts to the images.

    network = load(Path("phi.safetensors"), torch.device("cpu"))
    tokens = network(features)  # [n, token_dim], each image a set of its own
    tokens = network.set_encoder(sets)  # of sets of normalised features [n, set, dim]

Cohen et al., "This is my unicorn, Fluffy" (ECCV 2022), §4, as released; spec searle §8.1. SEARLE's Tables 1 to 3
compare with it.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from cirque.errors import CirqueError
from cirque.networks import phi

#: Equivariant layers of f_θ.
N_LAYERS = 3


class EquivariantLayer(nn.Module):
    """ELU(Γx − Λ·mean of the set) for each member x (Zaheer et al. 2017); Γ has a bias, Λ has none."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.gamma, self.lambda_ = nn.Linear(dim, width), nn.Linear(dim, width, bias=False)

    def forward(self, sets: Tensor) -> Tensor:
        """Sets [n, set, dim] to [n, set, width]; another order of the members gives the same in that order."""
        return functional.elu(self.gamma(sets) - self.lambda_(sets.mean(dim=1, keepdim=True)))


class SetEncoder(nn.Module):
    """f_θ: three equivariant layers, the mean of the set, and two linear layers, each after a dropout."""

    def __init__(self, dim: int, token_dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(EquivariantLayer(dim if k == 0 else width, width) for k in range(N_LAYERS)))
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.ELU(),
            nn.Dropout(dropout),
            nn.Linear(width, token_dim),
        )

    def forward(self, sets: Tensor) -> Tensor:
        """Sets of L2-normalised features [n, set, dim] to a token each, of any length, [n, token_dim]."""
        tokens: Tensor = self.head(self.layers(sets).mean(dim=1))
        return tokens


class PalavraPhi(phi.Phi):
    """f_θ and A, which learn together and are kept together.

    Attributes:
        set_encoder: f_θ.
        alignment: the linear part of A.
        width: of the hidden layers of f_θ.
    """

    architecture = "palavra"

    def __init__(self, dim: int, token_dim: int, dropout: float, width: int) -> None:
        super().__init__(dim, token_dim)
        self.width = width
        self.set_encoder = SetEncoder(dim, token_dim, width, dropout)
        self.alignment = nn.Linear(dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        """Image features [n, dim], of any length and each a set of its own, to pseudo tokens [n, token_dim]."""
        tokens: Tensor = self.set_encoder(functional.normalize(features, dim=-1)[:, None])
        return tokens

    def align(self, texts: Tensor) -> Tensor:
        """A: text features [n, dim] to where images of the same would lie, x + Linear(x)."""
        moved: Tensor = texts + self.alignment(texts)
        return moved

    def widths(self) -> dict[str, int]:
        """Width of the hidden layers of f_θ."""
        return {"width": self.width}


def initial(dim: int, token_dim: int, dropout: float, width: int, seed: int) -> PalavraPhi:
    """Both networks with PyTorch's default initial weights, decided by the seed alone.

    Raises:
        CirqueError: the hidden layers have no width.
    """
    if width < 1:
        raise CirqueError(f"palavra: a width of {width} makes no network; give at least 1")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PalavraPhi(dim, token_dim, dropout, width)


def load(path: Path, device: torch.device) -> PalavraPhi:
    """Read both networks, as `phi.save` wrote them, in evaluation mode.

    Raises:
        CirqueError: the file is missing, cut short, or holds other networks.
    """
    state = phi.read_weights(path)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        network = _of_shapes(shapes)
        network.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise CirqueError(
            f"{path}: not PALAVRA's networks (set_encoder and alignment); it holds"
            f" {', '.join(f'{name} {list(shape)}' for name, shape in shapes.items()) or 'nothing'}; name a network of"
            " the trainer palavra"
        ) from error
    return network.to(device).eval().requires_grad_(False)


def _of_shapes(shapes: Mapping[str, tuple[int, ...]]) -> PalavraPhi:
    """Networks into which parameters of these names and shapes fit, if any do."""
    (token_dim, width), (dim, _) = shapes["set_encoder.head.4.weight"], shapes["alignment.weight"]
    return PalavraPhi(dim, token_dim, 0.0, width)
