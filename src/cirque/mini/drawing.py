"""Draw a scene with Pillow: antialiased, at any size, every placement and tint taken from the draws given.

The bytes depend on the scene, the size and the draws only.
"""

import io
import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from cirque.mini.scenes import Scene

Point = tuple[float, float]
Colour = tuple[int, int, int]

#: Drawn this many times too large, then reduced.
OVERSAMPLING = 3

PAINT: dict[str, Colour] = {
    "red": (214, 32, 32),
    "orange": (245, 138, 22),
    "yellow": (246, 220, 44),
    "green": (38, 158, 62),
    "blue": (38, 84, 214),
    "purple": (134, 48, 176),
    "pink": (248, 138, 192),
    "brown": (126, 76, 38),
}

#: Every object has a dark outline, whatever its colour: so its shape can be seen by itself.
OUTLINE: Colour = (16, 16, 20)

#: Objects lie in the cells of a grid of two by two, each moved by at most this share of the picture's side.
LARGEST_SHIFT = 0.016
RADIUS = (0.2, 0.215)

#: An object is turned by at most this angle, so that a diamond never becomes a square.
LARGEST_TURN = math.radians(6)


# ---- shapes: outlines in a circle of radius one, y downwards; a second outline is a hole ----------------------------


def _polygon(n: int, radius: float = 1.0, start: float = -math.pi / 2) -> list[Point]:
    steps = [start + 2 * math.pi * i / n for i in range(n)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in steps]


def _star() -> list[Point]:
    steps = [-math.pi / 2 + math.pi * i / 5 for i in range(10)]
    return [((1.0, 0.42)[i % 2] * math.cos(a), (1.0, 0.42)[i % 2] * math.sin(a)) for i, a in enumerate(steps)]


def _heart() -> list[Point]:
    points = []
    for i in range(40):
        t = 2 * math.pi * i / 40
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x / 17, -(y + 2.5) / 17))
    return points


def _moon() -> list[Point]:
    outer = [math.radians(40 + 280 * i / 30) for i in range(31)]
    points = [(math.cos(a), math.sin(a)) for a in outer]
    # the inner arc: a circle of radius 0.76 about (0.45, 0) through the same two horns
    horn = math.atan2(points[-1][1], points[-1][0] - 0.45)
    inner = [horn + (2 * math.pi - 2 * abs(horn)) * -i / 30 for i in range(1, 30)]
    radius = math.hypot(points[-1][0] - 0.45, points[-1][1])
    return points + [(0.45 + radius * math.cos(a), radius * math.sin(a)) for a in inner]


def _fish() -> list[Point]:
    body = [math.radians(150 - 300 * i / 30) for i in range(31)]
    points = [(0.25 + 0.75 * math.cos(a), 0.5 * math.sin(a)) for a in body]
    return [*points, (-1.0, -0.6), (-0.75, 0.0), (-1.0, 0.6)]


OUTLINES: dict[str, list[list[Point]]] = {
    "star": [_star()],
    "heart": [_heart()],
    "circle": [_polygon(40, 0.9)],
    "square": [[(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)]],
    "triangle": [[(0.0, -0.95), (0.95, 0.75), (-0.95, 0.75)]],
    "diamond": [[(0.0, -1.0), (0.68, 0.0), (0.0, 1.0), (-0.68, 0.0)]],
    "cross": [
        [
            *[(-0.32, -1.0), (0.32, -1.0), (0.32, -0.32), (1.0, -0.32), (1.0, 0.32), (0.32, 0.32)],
            *[(0.32, 1.0), (-0.32, 1.0), (-0.32, 0.32), (-1.0, 0.32), (-1.0, -0.32), (-0.32, -0.32)],
        ]
    ],
    "moon": [_moon()],
    "ring": [_polygon(40), _polygon(40, 0.5)],
    "arrow": [[(1.0, 0.0), (0.2, -0.75), (0.2, -0.28), (-1.0, -0.28), (-1.0, 0.28), (0.2, 0.28), (0.2, 0.75)]],
    "fish": [_fish()],
    "tree": [
        [
            *[(0.0, -1.0), (0.5, -0.3), (0.25, -0.3), (0.75, 0.5), (0.17, 0.5), (0.17, 1.0)],
            *[(-0.17, 1.0), (-0.17, 0.5), (-0.75, 0.5), (-0.25, -0.3), (-0.5, -0.3)],
        ]
    ],
}


# ---- backgrounds ----------------------------------------------------------------------------------------------------


def _pattern_paint(rng: random.Random) -> tuple[Colour, Colour]:
    """Two pale greys with a slight tint, the second darker."""
    tint = [rng.randint(-14, 14) for _ in range(3)]
    light, deep = rng.randint(226, 244), rng.randint(158, 182)

    def shade(base: int) -> Colour:
        r, g, b = (max(0, min(255, base + t)) for t in tint)
        return r, g, b

    return shade(light), shade(deep)


def _stripes(draw: ImageDraw.ImageDraw, side: int, paint: Colour) -> None:
    period = side / 8
    for i in range(8):
        draw.rectangle([i * period, 0, (i + 0.5) * period, side], fill=paint)


def _dots(draw: ImageDraw.ImageDraw, side: int, paint: Colour) -> None:
    period = side / 8
    radius = period * 0.3
    for row in range(8):
        for column in range(8):
            x, y = (column + 0.5) * period, (row + 0.5) * period
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=paint)


def _checks(draw: ImageDraw.ImageDraw, side: int, paint: Colour) -> None:
    period = side / 8
    for row in range(8):
        for column in range(row % 2, 8, 2):
            x, y = column * period, row * period
            draw.rectangle([x, y, x + period, y + period], fill=paint)


def _waves(draw: ImageDraw.ImageDraw, side: int, paint: Colour) -> None:
    period, half = side / 8, side / 40
    steps = [side * i / 64 for i in range(-1, 66)]
    crest = [(x, 0.25 * period * math.sin(2 * math.pi * x / (side / 4))) for x in steps]
    for row in range(9):
        y = row * period
        upper = [(x, y + dy - half) for x, dy in crest]
        lower = [(x, y + dy + half) for x, dy in reversed(crest)]
        draw.polygon(upper + lower, fill=paint)


PATTERNS: dict[str, Callable[[ImageDraw.ImageDraw, int, Colour], None]] = {
    "striped": _stripes,
    "dotted": _dots,
    "checkered": _checks,
    "wavy": _waves,
}


def _background(name: str, side: int, rng: random.Random) -> Image.Image:
    light, deep = _pattern_paint(rng)
    if name == "dark":
        base = rng.randint(92, 116)
        return Image.new("RGB", (side, side), (base, base, base + rng.randint(0, 12)))
    image = Image.new("RGB", (side, side), light)
    if name in PATTERNS:
        PATTERNS[name](ImageDraw.Draw(image), side, deep)
    return image


# ---- objects --------------------------------------------------------------------------------------------------------


def _place(count: int, rng: random.Random) -> list[Point]:
    """Centres of the objects, as shares of the side, in cells drawn without repetition."""
    cells = rng.sample([(x, y) for y in (0.26, 0.74) for x in (0.26, 0.74)], count)
    return [
        (x + rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT), y + rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT))
        for x, y in cells
    ]


def _paint_of(colour: str, rng: random.Random) -> Colour:
    r, g, b = (max(0, min(255, value + rng.randint(-14, 14))) for value in PAINT[colour])
    return r, g, b


def _draw_object(image: Image.Image, outlines: list[list[Point]], paint: Colour) -> None:
    """Fill the first outline, leave the second open, and line both so that they stand out from any background."""
    left, top = (math.floor(min(point[axis] for point in outlines[0])) for axis in (0, 1))
    right, bottom = (math.ceil(max(point[axis] for point in outlines[0])) for axis in (0, 1))
    fill = Image.new("L", (right - left + 1, bottom - top + 1))  # only as large as the object: half the time
    draw = ImageDraw.Draw(fill)
    for outline, value in zip(outlines, (255, 0), strict=False):
        draw.polygon([(x - left, y - top) for x, y in outline], fill=value)
    image.paste(paint, (left, top), fill)
    lines = ImageDraw.Draw(image)
    width = max(1, image.width // 40)
    joint = "curve" if width > 3 else None  # costly, and unseen in a thin line
    for outline in outlines:
        lines.line([*outline, outline[0], outline[1]], fill=OUTLINE, width=width, joint=joint)


def render(scene: Scene, size: int, rng: random.Random) -> Image.Image:
    """Draw a scene as an RGB picture of `size` × `size` pixels."""
    side = size * OVERSAMPLING
    image = _background(scene.background, side, rng)
    for x, y in _place(scene.count, rng):
        turn, scale = rng.uniform(-LARGEST_TURN, LARGEST_TURN), rng.uniform(*RADIUS) * side
        cos, sin = math.cos(turn) * scale, math.sin(turn) * scale
        placed = [
            [(x * side + cos * px - sin * py, y * side + sin * px + cos * py) for px, py in outline]
            for outline in OUTLINES[scene.shape]
        ]
        _draw_object(image, placed, _paint_of(scene.colour, rng))
    return image.resize((size, size), Image.Resampling.BOX)


def png(image: Image.Image) -> bytes:
    """A picture's bytes as PNG, without any date."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(image: Image.Image) -> bytes:
    """A picture's bytes as JPEG, of a quality at which the small shapes stay clean."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()
