"""Composed features as pictures: what a decoder of image features makes of each method's queries (TIRG Figure 7)."""

from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from cirque.errors import CirqueError
from cirque.plots import Inputs, Row
from cirque.report import figure
from cirque.store import schemas

SCHEMA = schemas.PICTURES
TITLE = (
    "Composed features decoded to pictures: reference and target, and what each method composed of reference and text"
)

#: Kinds of picture that are no method's, with their headings.
GIVEN = {"reference": "reference", "target": "target"}

#: The kind that is shown of each method.
COMPOSED = "decoded query"

#: In inches: around the drawing, between pictures, above them, for each line of text beneath, below the last.
_MARGIN, _GAP, _ABOVE, _LINE, _BELOW = 0.12, 0.1, 0.34, 0.19, 0.36


def rows(inputs: Inputs) -> list[dict[str, Any]]:
    """One row a picture, query after query; settings: `labels` of the composers, `scale`, `comparable`.

    Raises:
        CirqueError: there is no picture of a query's by a composer.
    """
    labels: dict[str, str] = inputs.settings["labels"]
    about = {key: inputs.settings[key] for key in ("scale", "comparable")}
    if not labels:
        return []
    shown = {(row["printed"], row["kind"], row["method"]): row for row in inputs.pictures}
    first = next(iter(labels))
    headed = [(kind, first, "", heading) for kind, heading in GIVEN.items()]
    headed += [(COMPOSED, method, method, label) for method, label in labels.items()]
    found: list[dict[str, Any]] = []
    for printed in dict.fromkeys(row["printed"] for row in inputs.pictures):
        for kind, of, method, heading in headed:
            picture = shown.get((printed, kind, of))
            if picture is None:
                raise CirqueError(
                    f"plot reconstruction: there is no {kind} of {of} for {printed!r}; run reconstruct again"
                )
            found.append({**picture, "method": method, "row": heading, **about})
    return found


def draw(rows: Sequence[Row]) -> Figure:
    """A line of pictures for each query, with its text beneath."""
    headings = list(dict.fromkeys(row["row"] for row in rows))
    queries = list(dict.fromkeys(row["printed"] for row in rows))
    of_query = {printed: [row for row in rows if row["printed"] == printed] for printed in queries}
    width = (figure.WIDTH - 2 * _MARGIN - (len(headings) - 1) * _GAP) / len(headings)
    height = width * max(row["height"] / row["width"] for row in rows)
    each = height + 2 * _LINE + 2 * _GAP
    whole = _ABOVE + len(queries) * each + _BELOW
    drawing = Figure(figsize=(figure.WIDTH, whole), facecolor=figure.PAPER)
    FigureCanvasSVG(drawing)
    for line, pictures in enumerate(of_query.values()):
        top = whole - _ABOVE - line * each
        for place, row in enumerate(pictures):
            left = _MARGIN + place * (width + _GAP)
            spot = (left / figure.WIDTH, (top - height) / whole, width / figure.WIDTH, height / whole)
            axes = drawing.add_axes(spot)
            figure.show_picture(axes, row["pixels"])
            if line == 0:
                axes.set_title(row["row"], loc="left", pad=4)
        for number, (text, colour) in enumerate(_captions(pictures[0])):
            y = (top - height - 0.06 - number * _LINE) / whole
            drawing.text(_MARGIN / figure.WIDTH, y, text, color=colour, fontsize=9.5, va="top")
    figure.note_scale(drawing, rows)
    return drawing


def _captions(row: Row) -> list[tuple[str, str]]:
    """Lines beneath a query's pictures with their colours: its text, and the paper's where that is another."""
    own = (f"“{row['text']}”", figure.INK)
    return [own] if row["text"] == row["printed"] else [own, (f"the paper’s: “{row['printed']}”", figure.MUTED)]
