"""Encoders: each module that defines `build` is a kind of model that turns images, or images and texts, into features.

    encoders.load("clip").build("ViT-B-32", config)

A further encoder is one file here, and its name in the configuration (`encoder` of a backbone; `clip` by default). It
has the functions of `Definition`, and these where it can do more:

    tokenizer(context_length)        it has a text tower that takes pseudo tokens: texts → ids [n, context_length]
    text_reader(config)              it has one that takes none: its tokenizer, which may have a vocabulary of its own
    fetch(name, tag, weights, cache) there are released weights: write them by `backbones.save`
    take_over(name, tag, file, weights) the same of a file at hand that holds them

Its model may have these methods beside `encode_image`, for queries whose images pass another tower than the gallery's:

    encode_query_image(images)       features of references [n, dim]
    image_maps(images)               the last feature map of images [n, channels, height, width]

and where there is a `text_reader` this one:

    encode_texts(ids)                features of whole texts [n, dim], of ids [n, length] with 0 behind the last

The other modules of this package serve all encoders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from cirque.families import ENCODERS

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    """What the configuration of a model says of its inputs and outputs."""

    dim: int  # d: length of an image or text feature
    image_size: int  # pixels
    token_dim: int | None = None  # d_w: length of a token embedding; None: no text tower that takes pseudo tokens
    context_length: int | None = None  # tokens


class ImageModel(Protocol):
    """What a model must have: a torch module with this method."""

    def encode_image(self, images: "Tensor") -> "Tensor":
        """Normalised pixels [n, 3, size, size] → un-normalised features [n, dim]."""


class Definition(Protocol):
    """What the module of an encoder must have."""

    #: Mean and deviation of the pixels, per channel, for normalisation.
    MEAN: Sequence[float]
    STD: Sequence[float]

    def read_config(self, name: str, folder: Path | None) -> dict[str, Any]:
        """The configuration of a model by its name, JSON; `folder` holds the project's own."""

    def sizes(self, config: dict[str, Any]) -> Sizes:
        """What a configuration says of inputs and outputs."""

    def build(self, name: str, config: dict[str, Any]) -> Any:
        """A new model with random weights: a torch module that is an `ImageModel`."""


def load(name: str) -> Definition:
    """The module of an encoder.

    Raises:
        CirqueError: there is none of that name; the message lists those that there are.
    """
    return cast(Definition, ENCODERS.load(name))
