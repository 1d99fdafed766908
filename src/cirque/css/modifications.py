"""What is asked of a scene: add an object, remove objects, or give objects another colour or size; and its text.

A description names position, size, colour and shape, each or none of them. A modification holds for a scene if it
finds an object, changes something, and leaves a scene of the split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from cirque.css import grammar
from cirque.css.grammar import CELLS, COLOURS, SIZES, Object, Scene

Kind = Literal["add", "remove", "make"]
KINDS: tuple[Kind, ...] = ("add", "remove", "make")

#: What stands in a text in place of a shape that is left open.
ANY_SHAPE = "object"


@dataclass(frozen=True)
class Description:
    """What is said of objects; None where it is left open.

    Attributes:
        cell: number of a cell of the grid.
        size: small or large.
        colour: one of the eight.
        shape: by its 2D name.
    """

    cell: int | None = None
    size: str | None = None
    colour: str | None = None
    shape: str | None = None

    def fits(self, item: Object) -> bool:
        """Whether all that is said holds for an object."""
        return (
            self.cell in (None, item.cell)
            and self.size in (None, item.size)
            and self.colour in (None, item.colour)
            and self.shape in (None, item.shape)
        )


@dataclass(frozen=True)
class Modification:
    """One change; `make` gives a new colour or a new size, `add` and `remove` neither.

    Attributes:
        kind: add, remove or make.
        target: the object to add, or those to remove or to change.
        new_colour: that the objects get.
        new_size: that the objects get.
    """

    kind: Kind
    target: Description
    new_colour: str | None = None
    new_size: str | None = None


@dataclass(frozen=True)
class Words:
    """How a text names shapes and sizes; by default as the release does: rectangle, circle, triangle; small, large."""

    shapes: Mapping[str, str] = field(default_factory=lambda: {name: name for name in grammar.SHAPES})
    sizes: Mapping[str, str] = field(default_factory=lambda: {name: name for name in SIZES})


RELEASED = Words()

#: As the paper prints its examples: `add big red cube to middle-center`.
PRINTED = Words(shapes=grammar.SOLIDS, sizes={"small": "small", "large": "big"})


def text(modification: Modification, words: Words = RELEASED) -> str:
    """`make bottom-center small purple circle large`, `add red circle to top-left`, `remove object`."""
    target = modification.target
    cell = None if target.cell is None else CELLS[target.cell]
    size = target.size and words.sizes[target.size]
    shape = words.shapes[target.shape] if target.shape else ANY_SHAPE
    said = [size, target.colour, shape]
    if modification.kind == "add":
        said = ["add", *said, cell and f"to {cell}"]
    else:
        new = modification.new_size and words.sizes[modification.new_size]
        said = [modification.kind, cell, *said, modification.new_colour or new]
    return " ".join(word for word in said if word)


def fits(modification: Modification, split: str, scene: Scene) -> bool:
    """Whether the modification holds for a scene of a split."""
    target = modification.target
    if modification.kind == "add":
        taken = {item.cell for item in scene}
        free = len(taken) < len(CELLS) if target.cell is None else target.cell not in taken
        return free and bool(grammar.kinds(split, target.shape, target.colour))
    found = [item for item in scene if target.fits(item)]
    if modification.kind == "remove":
        return bool(found)
    made = [_made(modification, item) for item in found]
    return made != found and grammar.is_legal(split, made)


def applied(modification: Modification, split: str, scene: Scene, rng: np.random.Generator) -> Scene | None:
    """The scene after the modification; None if it does not hold for the scene.

    Args:
        modification: what is asked.
        split: train or test.
        scene: the reference.
        rng: what an added object's text leaves open is drawn from it.
    """
    if not fits(modification, split, scene):
        return None
    target = modification.target
    if modification.kind == "remove":
        return tuple(item for item in scene if not target.fits(item))
    if modification.kind == "make":
        return tuple(_made(modification, item) if target.fits(item) else item for item in scene)
    cell = target.cell
    if cell is None:
        free = sorted(set(range(len(CELLS))) - {item.cell for item in scene})
        cell = free[rng.integers(len(free))]
    added = grammar.draw_object(split, cell, rng, shape=target.shape, colour=target.colour, size=target.size)
    return (*scene, added)


def _made(modification: Modification, item: Object) -> Object:
    return replace(item, colour=modification.new_colour or item.colour, size=modification.new_size or item.size)


def draw(split: str, scene: Scene, rng: np.random.Generator) -> Modification | None:
    """A random modification that holds for a scene; None if the draw had no luck.

    The three kinds are equally likely, and each part of a description is said or left open with equal chance. To
    remove or to change, one object of the scene is described by at least one part.
    """
    kind = KINDS[rng.integers(len(KINDS))]
    if kind != "add" and not scene:
        return None
    if kind == "add":
        free = sorted(set(range(len(CELLS))) - {item.cell for item in scene})
        cell = free[rng.integers(len(free))] if free else 0
        item = grammar.draw_object(split, cell, rng)
    else:
        item = scene[rng.integers(len(scene))]
    said = rng.random(4) < 0.5
    if kind != "add" and not said.any():
        said[rng.integers(4)] = True
    described = Description(
        cell=item.cell if said[0] else None,
        size=item.size if said[1] else None,
        colour=item.colour if said[2] else None,
        shape=item.shape if said[3] else None,
    )
    if kind != "make":
        modification = Modification(kind, described)
        return modification if fits(modification, split, scene) else None
    values = [Modification(kind, described, new_colour=value) for value in COLOURS]
    if rng.random() < 0.5:
        values = [Modification(kind, described, new_size=value) for value in SIZES]
    fitting = [value for value in values if fits(value, split, scene)]
    return fitting[rng.integers(len(fitting))] if fitting else None
