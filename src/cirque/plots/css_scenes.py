"""CSS as generated: scenes of both splits in 2D beside 3D, with one thing that is asked of each (TIRG Figure 5)."""

from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from cirque.plots import Inputs, Row
from cirque.report import figure
from cirque.store import schemas

SCHEMA = schemas.CSS_SCENES
TITLE = "Scenes of CSS in 2D beside 3D, a modification that is asked of each, and its target in 3D"

#: What stands above the pictures of a scene, by role and view.
HEADINGS = {("reference", "2d"): "in 2D", ("reference", "3d"): "in 3D", ("target", "3d"): "target in 3D"}

#: In inches: around the drawing, between the splits, between pictures, above them, for a text and the space beneath it.
_MARGIN, _BETWEEN, _GAP, _ABOVE, _TEXT = 0.12, 0.34, 0.08, 0.52, 0.36


def rows(inputs: Inputs) -> list[dict[str, Any]]:
    """One row a picture, scene after scene."""
    return [dict(row) for row in inputs.scenes]


def draw(rows: Sequence[Row]) -> Figure:
    """A column a split, a line a scene: its pictures, and below them what is asked."""
    splits = list(dict.fromkeys(row["split"] for row in rows))
    scenes = {split: _scenes([row for row in rows if row["split"] == split]) for split in splits}
    column = (figure.WIDTH - 2 * _MARGIN - (len(splits) - 1) * _BETWEEN) / len(splits)
    height = min(_height(scene, column) for of_split in scenes.values() for scene in of_split)
    whole = _ABOVE + max(map(len, scenes.values())) * (height + _TEXT)
    drawing = Figure(figsize=(figure.WIDTH, whole), facecolor=figure.PAPER)
    FigureCanvasSVG(drawing)
    for place, split in enumerate(splits):
        left = _MARGIN + place * (column + _BETWEEN)
        drawing.text(left / figure.WIDTH, 1 - 0.08 / whole, split, fontsize=11, weight="bold", va="top")
        for line, scene in enumerate(scenes[split]):
            bottom = whole - _ABOVE - line * (height + _TEXT) - height
            _draw_scene(drawing, scene, (left, bottom), height, is_first=line == 0)
    return drawing


def _scenes(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of a split by scene, each once in 2D and in 3D, and its target."""
    return [[row for row in rows if row["query_id"] == name] for name in dict.fromkeys(row["query_id"] for row in rows)]


def _height(scene: Sequence[Row], column: float) -> float:
    """Height at which the pictures of a scene fill a column, in inches."""
    shapes = sum(float(row["width"] / row["height"]) for row in scene)
    return (column - (len(scene) - 1) * _GAP) / shapes


def _draw_scene(
    drawing: Figure, scene: Sequence[Row], at: tuple[float, float], height: float, *, is_first: bool
) -> None:
    """Pictures of a scene beside each other, and its text; headings above those of the first.

    Args:
        drawing: to draw in.
        scene: rows of its pictures.
        at: left and bottom of the pictures, in inches.
        height: of the pictures, in inches.
        is_first: whether it is the first of its split.
    """
    left, bottom = at
    whole = drawing.get_figheight()
    drawing.text(left / figure.WIDTH, (bottom - 0.05) / whole, f"“{scene[0]['text']}”", fontsize=9.5, va="top")
    for row in scene:
        width = height * row["width"] / row["height"]
        spot = (left / figure.WIDTH, bottom / whole, width / figure.WIDTH, height / whole)
        axes = drawing.add_axes(spot)
        figure.show_picture(axes, row["picture"])
        if is_first:
            axes.set_title(HEADINGS[row["role"], row["view"]], loc="left", pad=3, color=figure.MUTED)
        left += width + _GAP
