"""Preprocessings: each module makes the picture that an image tower sees out of a decoded image, mostly a square.

    preprocessing.load("targetpad").apply(image, 224)  # a picture of 224 × 224 pixels

A further preprocessing is one file here, and its name in the configuration (`preprocess`).
"""

import functools
from typing import TYPE_CHECKING, Protocol, cast

from cirque.families import PREPROCESSINGS

if TYPE_CHECKING:
    from PIL import Image

#: How a picture is made, for messages ("padded"), and its width and height (pixels).
Step = tuple[str, tuple[int, int]]


class Preprocessing(Protocol):
    """What the module of a preprocessing must have; `KEEPS_SIZE = True` if its pictures are no squares."""

    def steps(self, width: int, height: int, size: int) -> list[Step]:
        """Every picture that `apply` makes on its way to the crop.

        They are known before a pixel is decoded, so that a giant is refused in time.
        """

    def apply(self, image: "Image.Image", size: int) -> "Image.Image":
        """The picture that the tower sees, of `size` × `size` pixels, in any mode that has a way to RGB."""


@functools.cache
def load(name: str) -> Preprocessing:
    """The module of a preprocessing.

    Raises:
        CirqueError: there is none of that name; the message lists those that there are.
    """
    return cast(Preprocessing, PREPROCESSINGS.load(name))
