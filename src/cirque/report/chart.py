"""The chart of a table: measured figures with their intervals, published ones as marks, one panel a backbone.

Matplotlib draws it as SVG, which stands inside the page: its text is the page's text, and its colours are the page's
variables, so that it follows the reader's light or dark setting.
"""

import html
import io
import re
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from cirque.report.layout import Block, Line

#: Colours that stand for the page's variables; none of them is ever seen.
_COLOURS = {
    "#0000a1": "var(--measured)",
    "#0000a2": "var(--bound)",
    "#0000a3": "var(--published)",
    "#0000a4": "var(--ink)",
    "#0000a5": "var(--muted)",
    "#0000a6": "var(--rule)",
    "#0000a7": "var(--paper)",
}
_MEASURED, _BOUND, _PUBLISHED, _INK, _MUTED, _RULE, _PAPER = _COLOURS

#: One mark a source, in the order in which the table names them: as matplotlib draws it, and its sign in a legend.
MARKS = (("D", "◇"), ("o", "○"), ("s", "□"), ("^", "△"), ("v", "▽"), ("p", "⬠"), ("h", "⬡"), ("*", "☆"))

#: Letters of a method's name that fit beside the axis.
LONGEST_LABEL = 24

#: Matplotlib's settings of every drawing.
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cirque",  # the names of clip paths follow from it: equal figures, equal bytes
    "font.size": 9.5,
}


def mark(place: int) -> tuple[str, str]:
    """Mark and sign of a source by its place; where there are more sources than marks, they begin anew."""
    return MARKS[place % len(MARKS)]


def legend(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Each source with the sign of its mark."""
    return [(source, mark(place)[1]) for place, source in enumerate(sources)]


def shortened(label: str) -> str:
    """A method's name as far as the chart has room for it; the table below has it whole."""
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"


def panel(block: Block, metric: str, sources: Sequence[str], title: str, name: str) -> str:
    """SVG of one backbone's methods, first line on top.

    Args:
        block: the methods of one backbone.
        metric: the one drawn, in percent.
        sources: that print figures, in the order of their marks.
        title: what a screen reader says.
        name: of the panel, unique in the page.
    """
    lines = [line for line in block.lines if metric in line.measured or _printed(line, metric)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.8, 0.36 * len(lines) + 0.62))
        FigureCanvasSVG(figure)
        # Margins in inches: panels stand above each other, and their axes must meet.
        height = float(figure.get_figheight())
        axes = figure.add_axes((0.26, 0.5 / height, 0.71, 1 - 0.56 / height))
        _dress(axes, lines, metric)
        for height_of, line in enumerate(lines):
            _draw(axes, height_of, line, metric, sources)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return inline(stream.getvalue(), html.escape(title), name, _COLOURS)


def _printed(line: Line, metric: str) -> list[str]:
    """Sources that print the metric for this line."""
    return [source for source, figures in line.published.items() if metric in figures]


def _dress(axes: Axes, lines: Sequence[Line], metric: str) -> None:
    """Axes from 0 to 100 %, the first line on top, nothing but a grid."""
    axes.set_xlim(-1.5, 101.5)
    axes.set_ylim(len(lines) - 0.45, -0.55)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(len(lines)), [shortened(line.label) for line in lines])
    axes.set_xlabel(f"{metric}, %", color=_MUTED)
    axes.grid(axis="x", color=_RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelcolor=_MUTED)
    for label in axes.get_yticklabels():
        label.set_color(_INK)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw(axes: Axes, y: int, line: Line, metric: str, sources: Sequence[str]) -> None:
    """Interval, measured figure and published marks of one line."""
    if metric in line.measured:
        measured = line.measured[metric]
        colour = _BOUND if line.is_bound else _MEASURED
        if measured.low is not None and measured.high is not None:
            ends = [measured.low, measured.high]
            axes.plot(ends, [y, y], color=colour, linewidth=3.2, alpha=0.4, solid_capstyle="round")
        axes.plot(measured.value, y, "o", color=colour, markersize=6.5)
    for source in _printed(line, metric):
        axes.plot(
            line.published[source][metric].value, y, mark(sources.index(source))[0],
            markerfacecolor=_PAPER, markeredgecolor=_PUBLISHED, markeredgewidth=1.5, markersize=5.5,
        )  # fmt: skip


def inline(svg: str, title: str, name: str, colours: Mapping[str, str]) -> str:
    """Make a stand-alone SVG part of a page: no prologue, the page's fonts and colours, ids of its own.

    Args:
        svg: as matplotlib writes it.
        title: what a screen reader says, escaped.
        name: with which its ids begin, unique in the page.
        colours: in it, and what the page calls them.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style|title)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg)
    svg = re.sub(r"font-family: [^;\"]*;?\s*", "", svg)
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    for colour, variable in colours.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
