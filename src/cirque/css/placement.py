"""Where things stand in a 3D picture of CSS: CLEVR's base scene, a grid along the camera's axes, and their jitter.

Camera and area lights of the base scene track the origin: wherever the jitter puts them, they look at it. Each picture
has draws of its own, so that pictures of one scene differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cirque import draws
from cirque.css.grammar import SIDE, Object

Point = tuple[float, float, float]

CAMERA: Point = (7.481, -6.508, 5.344)

#: 35 mm of focal length on a sensor 32 mm wide.
FIELD_OF_VIEW = 2 * math.degrees(math.atan(16 / 35))

#: The camera's right, and away from it, on the ground.
_REACH = math.hypot(CAMERA[0], CAMERA[1])
AWAY = (-CAMERA[0] / _REACH, -CAMERA[1] / _REACH)
RIGHT = (AWAY[1], -AWAY[0])

#: Distances of the grid's columns along RIGHT and of its rows, top first, along AWAY: as far apart as leaves every
#: object whole in the picture, wherever the jitter puts the camera.
COLUMNS = (-2.3, 0.0, 2.3)
ROWS = (3.3, 0.4, -2.5)

#: Half of a unit model's side, which also is the height of its centre.
RADII = {"small": 0.35, "large": 0.7}

#: Largest shift on each axis, of the camera, of an area light and of an object on the ground.
CAMERA_JITTER, LIGHT_JITTER, OBJECT_JITTER = 0.5, 1.0, 0.1


@dataclass(frozen=True)
class Light:
    """A lamp that looks at the origin: its place, the side of its square, its power in watts and its colour."""

    place: Point
    side: float
    watts: float
    colour: Point


KEY = Light((6.447, -2.905, 4.258), 0.5, 78.54, (1.0, 0.932, 0.817))
FILL = Light((-4.671, -4.014, 3.011), 0.5, 23.56, (0.762, 0.818, 1.0))
BACK = Light((-1.169, 2.646, 5.816), 1.0, 39.27, (1.0, 1.0, 1.0))
LIGHTS = {"key": KEY, "fill": FILL, "back": BACK}

#: Where the sun stands, its irradiance and the angle that it takes of the sky; it looks at the origin.
SUN: Point = (11.66, -6.63, 25.82)
SUN_IRRADIANCE = 0.45
SUN_ANGLE = 0.199


@dataclass(frozen=True)
class Solid:
    """An object as it stands on the ground.

    Attributes:
        item: what it is.
        x: of its centre.
        y: of its centre.
        turn: about the upright axis, in degrees.
    """

    item: Object
    x: float
    y: float
    turn: float

    @property
    def radius(self) -> float:
        """Half of its side."""
        return RADII[self.item.size]


@dataclass(frozen=True)
class Placed:
    """All that a picture depends on, besides its size and its samples."""

    camera: Point
    lights: dict[str, Point]
    solids: list[Solid]


def place(scene: Sequence[Object], seed: int, split: str, number: int) -> Placed:
    """Where everything stands in the picture of an image.

    Args:
        scene: its objects.
        seed: of the draws.
        split: train or test.
        number: of the image in its split.
    """
    rng = draws.generator(seed, "css placement", split, number)
    camera = _moved(CAMERA, CAMERA_JITTER, rng)
    lights = {name: _moved(light.place, LIGHT_JITTER, rng) for name, light in LIGHTS.items()}
    solids = []
    for item in scene:
        row, column = divmod(item.cell, SIDE)
        x, y = (COLUMNS[column] * RIGHT[axis] + ROWS[row] * AWAY[axis] for axis in (0, 1))
        shift = rng.uniform(-OBJECT_JITTER, OBJECT_JITTER, 2)
        solids.append(Solid(item, x + float(shift[0]), y + float(shift[1]), float(rng.uniform(0, 360))))
    return Placed(camera, lights, solids)


def _moved(point: Point, most: float, rng: np.random.Generator) -> Point:
    x, y, z = (value + float(shift) for value, shift in zip(point, rng.uniform(-most, most, 3), strict=True))
    return x, y, z


def projected(camera: Point, point: Point, aspect: float) -> tuple[float, float]:
    """Row and column of a point in the picture of a camera that looks at the origin, as fractions of its sides.

    Args:
        camera: where it stands.
        point: what it sees.
        aspect: width of the picture divided by its height.
    """
    eye = np.array(camera)
    forward = -eye / np.linalg.norm(eye)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    ray = np.array(point) - eye
    scale = 2 * math.tan(math.radians(FIELD_OF_VIEW) / 2) * float(ray @ forward)
    column = 0.5 + float(ray @ right) / scale
    row = 0.5 - float(ray @ np.cross(right, forward)) / scale * aspect
    return row, column
