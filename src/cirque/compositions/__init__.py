"""Compositions: each module that defines `build` makes one feature of a reference image and a modification text.

    network = compositions.load("tirg").build(Sizes(channels=512, dim=512), level="fc", hidden=1024, …)
    network(query)  # [n, dim], un-normalised

They are trained with their encoders (TIRG §3). A composition is a torch module that is called with a `Query` and reads
of it what it needs: nothing else is computed. Parameters of `build` after the sizes are its settings, by the names of
the configuration's keys. A further composition is one file here and one method in the configuration. A composition
that changes maps inside the trunk (`Query.passed_again`) says so by `READS_PIXELS = True`: maps that were computed
before the training do not serve it. `RATES` of a network names parts of it that learn at a fraction of the rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from cirque.families import COMPOSITIONS

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Sizes:
    """Sizes of what a composition reads and makes.

    Attributes:
        channels: C of the trunk's last map.
        dim: d: length of image feature, word embedding, text feature and composed feature.
        blocks: channels of each residual block of the trunk, in order.
    """

    channels: int
    dim: int
    blocks: tuple[int, ...]


class Query(Protocol):
    """n queries as a composition sees them; each property is computed when it is first read."""

    @property
    def maps(self) -> "Tensor":
        """The trunk's last map of the references [n, channels, height, width]."""

    @property
    def pooled(self) -> "Tensor":
        """Its mean over all places [n, channels]."""

    @property
    def image(self) -> "Tensor":
        """Image features φx [n, dim]: `pooled` through the last fc."""

    @property
    def text(self) -> "Tensor":
        """Text features φt [n, dim]: the LSTM's state at the last word, through dropout and a linear layer."""

    @property
    def words(self) -> "tuple[Tensor, Tensor]":
        """Embedded words [n, longest, dim], padded with zeros, and the number of words of each text [n], ≥ 1."""

    def head(self, maps: "Tensor") -> "Tensor":
        """Maps [n, channels, height, width] through pooling and last fc: [n, dim]."""

    def passed_again(self, change: "Callable[[int, Tensor], Tensor]") -> "Tensor":
        """The trunk's last map, where `change(i, map)` takes the place of block i's map after its second BatchNorm,
        before the skip connection is added.
        """


class Composition(Protocol):
    """What a module of this package must have."""

    def build(self, sizes: Sizes) -> "nn.Module":
        """A network with its initial weights, from torch's generator; further parameters are settings by name."""


def load(name: str) -> Composition:
    """The module of a composition.

    Raises:
        CirqueError: there is none of that name; the message lists those that there are.
    """
    return cast(Composition, COMPOSITIONS.load(name))
