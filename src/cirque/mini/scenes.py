"""What a scene is: some copies of one object, in one colour, on one background.

Only what a caption can name is part of a scene. Where the objects lie, how they are turned, the tint of a pattern:
these are drawn anew for each picture (`cirque.mini.drawing`).
"""

import random
from dataclasses import dataclass, fields

SHAPES = (
    "star",
    "heart",
    "circle",
    "square",
    "triangle",
    "diamond",
    "cross",
    "moon",
    "ring",
    "arrow",
    "fish",
    "tree",
)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
COUNTS = (1, 2, 3, 4)
BACKGROUNDS = ("plain", "dark", "striped", "dotted", "checkered", "wavy")

#: The attributes that a relative caption can change, in the order of `Scene`.
ATTRIBUTES = ("shape", "colour", "count", "background")


@dataclass(frozen=True, order=True)
class Scene:
    """`count` copies of `shape`, all in `colour`, on `background`."""

    shape: str
    colour: str
    count: int
    background: str


VALUES: dict[str, tuple[str, ...] | tuple[int, ...]] = {
    "shape": SHAPES,
    "colour": COLOURS,
    "count": COUNTS,
    "background": BACKGROUNDS,
}


def draw_scene(rng: random.Random) -> Scene:
    """Draw a scene, every one equally likely."""
    return Scene(rng.choice(SHAPES), rng.choice(COLOURS), rng.choice(COUNTS), rng.choice(BACKGROUNDS))


def differences(one: Scene, other: Scene) -> tuple[str, ...]:
    """Names of the attributes in which two scenes differ."""
    return tuple(field.name for field in fields(Scene) if getattr(one, field.name) != getattr(other, field.name))


def change(scene: Scene, attribute: str, value: str | int) -> Scene:
    """The same scene with one attribute changed."""
    values = {**vars(scene), attribute: value}
    return Scene(**values)
