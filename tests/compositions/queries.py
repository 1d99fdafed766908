"""A query over a small trunk of two residual blocks, in which all sizes differ: a transposed shape then fails."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cirque.compositions import Sizes
from cirque.compositions.text_encoder import TextEncoder

SIZES = Sizes(channels=8, dim=5, blocks=(6, 8))
N_WORDS = 11

#: Settings of the compositions that have some; the others have none.
SETTINGS: dict[str, dict[str, object]] = {
    "parameter-hashing": {"n_candidates": 16},
    "tirg": {"level": "conv", "hidden": 7, "residual_start": 10.0, "branches": "both"},
}


class Block(nn.Module):
    """conv – BatchNorm – ReLU – conv – BatchNorm – (change) – + skip connection – ReLU, as in ResNet-18."""

    def __init__(self, of: int, to: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(of, to, 3, padding=1, bias=False), nn.BatchNorm2d(to)
        self.conv2, self.bn2 = nn.Conv2d(to, to, 3, padding=1, bias=False), nn.BatchNorm2d(to)
        self.skip = nn.Conv2d(of, to, 1, bias=False)

    def forward(self, maps: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        inner = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(maps)))))
        return torch.relu(change(inner) + self.skip(maps))


class Encoders(nn.Module):
    """The trunk, its last fc and the text encoder."""

    def __init__(self) -> None:
        super().__init__()
        first, second = SIZES.blocks
        self.blocks = nn.ModuleList([Block(3, first), Block(first, second)])
        self.fc = nn.Linear(SIZES.channels, SIZES.dim)
        self.text = TextEncoder(N_WORDS, SIZES.dim)


class FakeQuery:
    """`n` queries with random pixels and texts; `read` names the properties that were asked for."""

    def __init__(self, n: int = 4, seed: int = 0, lengths: tuple[int, ...] = (3, 1, 4, 2)) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoders = Encoders().double().eval()
        self.pixels = torch.randn(n, 3, 2, 3, generator=generator, dtype=torch.float64)
        self.lengths = torch.tensor((lengths * n)[:n])
        self.ids = torch.randint(0, N_WORDS, (n, max(lengths)), generator=generator)
        self.read: set[str] = set()

    def _trunk(self, change: Callable[[int, Tensor], Tensor]) -> Tensor:
        maps = self.pixels
        for place, block in enumerate(self.encoders.blocks):
            maps = block(maps, lambda inner, place=place: change(place, inner))
        return maps

    @property
    def maps(self) -> Tensor:
        self.read.add("maps")
        return self._trunk(lambda _, maps: maps)

    @property
    def pooled(self) -> Tensor:
        self.read.add("pooled")
        return self._trunk(lambda _, maps: maps).mean(dim=(2, 3))

    @property
    def image(self) -> Tensor:
        self.read.add("image")
        return self.encoders.fc(self._trunk(lambda _, maps: maps).mean(dim=(2, 3)))

    @property
    def text(self) -> Tensor:
        self.read.add("text")
        return self.encoders.text(self.encoders.text.embed(self.ids), self.lengths)

    @property
    def words(self) -> tuple[Tensor, Tensor]:
        self.read.add("words")
        return self.encoders.text.embed(self.ids), self.lengths

    def head(self, maps: Tensor) -> Tensor:
        self.read.add("head")
        return self.encoders.fc(maps.mean(dim=(2, 3)))

    def passed_again(self, change: Callable[[int, Tensor], Tensor]) -> Tensor:
        self.read.add("passed_again")
        return self._trunk(change)


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network in float64 whose initial weights come from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build().double()


def with_any_weights(network: nn.Module, seed: int = 1) -> nn.Module:
    """All parameters and batch statistics set to something random: none is left at 0 or 1, where it would not show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
        for name, value in network.named_buffers():
            if "running" in name:
                value.copy_(torch.rand(value.shape, generator=generator, dtype=torch.float64) + 0.5)
    return network


def n_parameters(build: Callable[[], nn.Module]) -> int:
    """Number of parameters, without making any weights."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def same_with_gradients(
    found: Tensor, expected: Tensor, parameters: list[Tensor], *, rel: float = 1e-9, abs_: float = 1e-11
) -> None:
    """Both have the same values, and the same gradients by all parameters, of a random function of them."""
    torch.testing.assert_close(found, expected, rtol=rel, atol=abs_)
    by = torch.randn(found.shape, generator=torch.Generator().manual_seed(2), dtype=found.dtype)
    gradients = [
        torch.autograd.grad((value * by).sum(), parameters, retain_graph=True, allow_unused=True)
        for value in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            torch.testing.assert_close(one, other, rtol=rel, atol=abs_)
