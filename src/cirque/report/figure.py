"""Stand-alone drawings: one look, equal data equal bytes, vector and readable anywhere; and the same within a page.

A drawing has the colours of the page's light setting and its text as text. `inlined` makes it a part of a page, whose
colours then follow the reader's light or dark setting.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from cirque.report import chart

#: The page's variables (page.css, light).
VARIABLES = {
    "#1f5fa8": "var(--measured)",
    "#7a7a74": "var(--bound)",
    "#b4530a": "var(--published)",
    "#1d1d1b": "var(--ink)",
    "#63625c": "var(--muted)",
    "#e3e1d9": "var(--rule)",
    "#fbfaf7": "var(--paper)",
}
MEASURED, BOUND, PUBLISHED, INK, MUTED, RULE, PAPER = VARIABLES

#: Colours that readers with any colour vision tell apart (Okabe and Ito, then Tol), on light and dark ground.
PALETTE = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"),
    *("#8c6bb1", "#999933", "#882255", "#332288", "#6b4c2a"),
)

#: Marks of measured points, and of published figures by source.
MARKS = "os^vDP"
MARKS_OF_SOURCES = [drawn for drawn, _ in chart.MARKS]

#: Width of a drawing, in inches.
WIDTH = 8.4

#: Labels of a legend beside each other, and the height of a line of them, in inches.
_LABELS_A_LINE, _LINE = 4, 0.19

#: Room above the panels beside the legend, and below and between them for titles and labels, in inches.
_ABOVE, _BELOW, _BETWEEN = 0.42, 0.62, 0.62

_STYLE = chart.STYLE | {
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.labelcolor": INK,
    "legend.fontsize": 8.5,
    "legend.columnspacing": 1.4,
    "legend.labelspacing": 0.3,
}


def panels(n_rows: int, n_columns: int, height: float, n_labels: int) -> tuple[Figure, list[Axes]]:
    """A figure with panels, row by row, that have nothing but a grid.

    Args:
        n_rows: of panels.
        n_columns: of panels.
        height: of a panel, in inches.
        n_labels: of the legend.
    """
    above = _ABOVE + _LINE * -(-n_labels // _LABELS_A_LINE)
    whole = n_rows * height + (n_rows - 1) * _BETWEEN + above + _BELOW
    figure = Figure(figsize=(WIDTH, whole), facecolor=PAPER)
    FigureCanvasSVG(figure)
    figure.subplots_adjust(
        left=0.09, right=0.98, wspace=0.24, bottom=_BELOW / whole, top=1 - above / whole, hspace=_BETWEEN / height
    )
    found: list[Axes] = [figure.add_subplot(n_rows, n_columns, place + 1) for place in range(n_rows * n_columns)]
    for axes in found:
        axes.set_facecolor(PAPER)
        axes.grid(color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(which="both", length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure, found


def legend(figure: Figure, axes: Axes) -> None:
    """One legend above all panels: each label once, what is measured before what is published."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    ordered = sorted(by_label, key=lambda label: label.startswith("published"))
    figure.legend(
        [by_label[label] for label in ordered], ordered, loc="upper left", ncols=_LABELS_A_LINE, frameon=False
    )


def show_picture(axes: Axes, content: bytes) -> None:
    """A picture's own pixels, in a frame that can be seen on light and dark ground.

    Args:
        axes: that it fills.
        content: of its file.
    """
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    # Without interpolation the SVG holds the pixels themselves.
    axes.imshow(pixels, interpolation="none")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=RULE, linewidth=0.8)


def note_scale(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say below the panels of which scale the figures are, and whether the papers' compare (keys scale, comparable)."""
    scale = ", ".join(dict.fromkeys(row["scale"] for row in rows))
    words = "" if all(row["comparable"] for row in rows) else ": not comparable with the papers' figures"
    figure.text(0.012, 0.1 / figure.get_figheight(), f"Scale {scale}{words}", color=MUTED, fontsize=8.5)


def to_svg(draw: Callable[[], Figure], title: str) -> str:
    """A figure, drawn in this look, as an SVG file that refers to nothing outside itself; equal ones, equal bytes."""
    stream = io.StringIO()
    with mpl.rc_context(_STYLE):
        draw().savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<!DOCTYPE.*?>\s*|<metadata>.*?</metadata>\s*", "", stream.getvalue(), flags=re.DOTALL)
    return re.sub(r"(<svg\b[^>]*>)", rf"\1\n <title>{escape(title)}</title>", svg, count=1)


def title_of(svg: str) -> str:
    """The title of a drawing, as it stands in it, escaped; empty where it has none."""
    found = re.search(r"<title>(.*?)</title>", svg, flags=re.DOTALL)
    return found[1] if found else ""


def inlined(svg: str, name: str) -> str:
    """A drawing as a part of a page, under ids of its own that begin with `name`."""
    return chart.inline(svg, title_of(svg), name, VARIABLES)
