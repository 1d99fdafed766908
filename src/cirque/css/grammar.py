"""What a scene of CSS may hold: coloured shapes of two sizes on a grid of three by three cells (TIRG §4.3).

The splits follow the conditions A and B of CLEVR-CoGenT: cubes and cylinders swap their colours between training and
test, spheres have any. Shapes have the names of the 2D pictures, as in the release.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Shapes by their 2D names, and what stands for each in a 3D picture.
SOLIDS = {"rectangle": "cube", "circle": "sphere", "triangle": "cylinder"}
SHAPES = tuple(SOLIDS)
COLOURS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
SIZES = ("small", "large")

#: Cells from top to bottom, each row from left to right.
SIDE = 3
CELLS = tuple(f"{row}-{column}" for row in ("top", "middle", "bottom") for column in ("left", "center", "right"))

SPLITS = ("train", "test")

_A = ("gray", "blue", "brown", "yellow")
_B = ("red", "green", "purple", "cyan")

#: Colours that a shape may have, by split.
ALLOWED = {
    "train": {"rectangle": _A, "circle": COLOURS, "triangle": _B},
    "test": {"rectangle": _B, "circle": COLOURS, "triangle": _A},
}

#: Fewest and most objects of a reference.
COUNTS = (2, 6)


@dataclass(frozen=True)
class Object:
    """One object of a scene.

    Attributes:
        shape: a key of `SOLIDS`.
        colour: one of `COLOURS`.
        size: small or large.
        pos: row and column of its centre as fractions of the picture, from its upper left corner.
    """

    shape: str
    colour: str
    size: str
    pos: tuple[float, float]

    @property
    def cell(self) -> int:
        """Number of the cell that its centre lies in."""
        row, column = (min(int(SIDE * value), SIDE - 1) for value in self.pos)
        return SIDE * row + column


#: Objects in the order in which they are painted.
Scene = tuple[Object, ...]


def centre(cell: int) -> tuple[float, float]:
    """Row and column of a cell's centre as fractions of the picture."""
    row, column = divmod(cell, SIDE)
    return (row + 0.5) / SIDE, (column + 0.5) / SIDE


def is_legal(split: str, scene: Sequence[Object]) -> bool:
    """Whether a split may hold the scene: the colours fit the shapes, and no two objects share a cell."""
    one_each = len({item.cell for item in scene}) == len(scene)
    return one_each and all(item.colour in ALLOWED[split][item.shape] for item in scene)


def canonical(scene: Sequence[Object]) -> tuple[tuple[str, str, str, int], ...]:
    """What makes two scenes the same: shape, colour, size and cell of their objects, in no order of painting."""
    return tuple(sorted((item.shape, item.colour, item.size, item.cell) for item in scene))


def kinds(split: str, shape: str | None, colour: str | None) -> list[tuple[str, str]]:
    """Every shape and colour that a split may hold of what is given; what is None may be anything."""
    return [
        (one, paint)
        for one in SHAPES
        for paint in COLOURS
        if paint in ALLOWED[split][one] and shape in (None, one) and colour in (None, paint)
    ]


def draw_object(
    split: str,
    cell: int,
    rng: np.random.Generator,
    *,
    shape: str | None = None,
    colour: str | None = None,
    size: str | None = None,
) -> Object:
    """An object of a cell; what is None is drawn, the shape first. The split must have such an object (`kinds`)."""
    pairs = kinds(split, shape, colour)
    shapes = list(dict.fromkeys(one for one, _ in pairs))
    drawn = shapes[rng.integers(len(shapes))]
    paints = [paint for one, paint in pairs if one == drawn]
    paint = paints[rng.integers(len(paints))]
    return Object(drawn, paint, size or SIZES[rng.integers(len(SIZES))], centre(cell))


def draw_scene(split: str, rng: np.random.Generator) -> Scene:
    """A random reference of a split, of two to six objects, each count as likely."""
    count = int(rng.integers(COUNTS[0], COUNTS[1] + 1))
    cells = rng.permutation(len(CELLS))[:count]
    return tuple(draw_object(split, int(cell), rng) for cell in cells)
