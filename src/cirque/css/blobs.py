"""Draw a scene as TIRG's released code does in 2D: 64 × 64 pixels, blobs on white, one painted over the other.

A circle is a diamond there, and red and green are brighter than in 3D.
"""

from collections.abc import Sequence

import numpy as np

from cirque.css.grammar import Object

SIDE = 64

PAINT = {
    "gray": (87, 87, 87),
    "red": (244, 35, 35),
    "blue": (42, 75, 215),
    "green": (29, 205, 20),
    "brown": (129, 74, 25),
    "purple": (129, 38, 192),
    "cyan": (41, 208, 208),
    "yellow": (255, 238, 51),
}

#: Half of an object's side in pixels.
HALF = {"small": 4.0, "large": 8.0}


def draw(scene: Sequence[Object]) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The picture of a scene, [64, 64, 3], 0 to 255; objects must lie within it, as the reader checks."""
    picture = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    for item in scene:
        half = HALF[item.size]
        y, x = item.pos[0] * SIDE, item.pos[1] * SIDE
        top, bottom = int(y - half), int(y + half)
        for row in range(top, min(bottom + (item.shape == "circle"), SIDE)):
            # The one edge by its distance from the centre and the other as its mirror image, rounded as there.
            edge = x - half
            if item.shape == "circle":
                edge = x + (abs(row - y) - half)
            elif item.shape == "triangle":
                edge = x + (row - y + half) / 2
            other = x + half if item.shape == "rectangle" else 2 * x - edge
            if item.shape == "triangle":  # its width is negative in a first row above the apex, which is painted too
                edge, other = min(edge, other), max(edge, other)
            picture[row, int(edge) : int(other)] = PAINT[item.colour]
    return picture
