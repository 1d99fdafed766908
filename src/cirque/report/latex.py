r"""A table as LaTeX, as the papers lay it out: methods by backbone, best in bold, second underlined.

    print(show(files.read_table(path, schemas.TABLE.names).to_pylist(), aside="interval", published=True))

It needs `\usepackage{booktabs}` and nothing else. Each split is a `tabular` of its own, without a float around it.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from cirque.report import layout
from cirque.report.layout import Block, Line, Measured, Split

#: What stands behind a measured figure.
Aside = Literal["none", "interval", "std"]

#: Characters that LaTeX reads as its own, or that its default fonts do not have.
_ESCAPES: Mapping[int, str] = str.maketrans(
    {
        "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
        "|": r"\textbar{}", "–": "--", "—": "---", "…": r"\ldots{}", "±": r"$\pm$", "×": r"$\times$", "−": "$-$",
        "†": r"\dag{}", "β": r"$\beta$", "γ": r"$\gamma$", "λ": r"$\lambda$", "σ": r"$\sigma$", "τ": r"$\tau$",
        "φ": r"$\phi$", "²": r"$^2$",
    }
)  # fmt: skip

_INDEXED = re.compile(r"([A-Za-z]+)_([a-z]+)(@\d+)")


def escape(text: str) -> str:
    """A text as LaTeX prints it."""
    return text.translate(_ESCAPES)


def show(rows: Sequence[Mapping[str, Any]], aside: Aside = "none", published: bool = False) -> str:
    """A `tabular` for each split on which anything was measured.

    Args:
        rows: of `schemas.TABLE`.
        aside: the 95 % interval, or the deviation over seeds, behind each measured figure.
        published: whether the papers' own figures stand below ours.
    """
    splits = [split for split in layout.lay_out(rows) if split.measured_blocks]
    return "\n\n".join("\n".join(_tabular(split, aside, published)) for split in splits)


def _tabular(split: Split, aside: Aside, published: bool) -> Iterator[str]:
    columns = [
        column
        for column in split.columns
        if any(column in line.measured for block in split.measured_blocks for line in block.lines)
    ]
    yield f"% {split.title}{', in percent' if split.in_percent else ''}"
    yield rf"\begin{{tabular}}{{ll{'r' * len(columns)}}}"
    yield r"\toprule"
    yield from _heading(columns)
    for block in split.measured_blocks:
        yield r"\midrule"
        yield from _block(block, columns, aside, published)
    yield r"\bottomrule"
    yield r"\end{tabular}"


def _heading(columns: Sequence[str]) -> Iterator[str]:
    """Subsets above their metrics, where there are several."""
    parts = [column.rpartition(" ") for column in columns]
    if any(subset for subset, _, _ in parts):
        groups = [(subset, len(list(of))) for subset, of in itertools.groupby(subset for subset, _, _ in parts)]
        cells = [rf"\multicolumn{{{width}}}{{c}}{{{escape(subset)}}}" for subset, width in groups]
        yield rf" & & {' & '.join(cells)} \\"
        first = 3
        rules = []
        for _, width in groups:
            rules.append(rf"\cmidrule(lr){{{first}-{first + width - 1}}}")
            first += width
        yield " ".join(rules)
    yield rf"Backbone & Method & {' & '.join(_metric(name) for _, _, name in parts)} \\"


def _metric(name: str) -> str:
    """`R_subset@1` with its index below."""
    metric, tag = layout.in_words(name)
    found = _INDEXED.fullmatch(metric)
    shown = rf"{found[1]}$_{{\mathrm{{{found[2]}}}}}${found[3]}" if found else escape(metric)
    return f"{shown} {escape(tag)}".strip()


def _named(block: Block) -> str:
    """The backbone that was run, and what it stands for where that is another."""
    if block.model is None or _letters(block.model) == _letters(block.backbone):
        return block.backbone
    return f"{block.model} ({block.backbone})"


def _letters(name: str) -> str:
    return re.sub(r"\W", "", name)


def _block(block: Block, columns: Sequence[str], aside: Aside, published: bool) -> Iterator[str]:
    """One backbone; its name stands in its first line."""
    lines = [line for line in block.lines if line.measured]
    marks = {column: _marks(lines, column) for column in columns}
    for place, line in enumerate(lines):
        cells = [_figure(line.measured.get(column), marks[column], aside, line.is_bound) for column in columns]
        label = rf"\textit{{{escape(line.label)}}}" if line.is_bound else escape(line.label)
        yield rf"{escape(_named(block)) if place == 0 else ''} & {label} & {' & '.join(cells)} \\"
        for source, figures in line.published.items() if published else ():
            printed = [figures[column].text if column in figures else "--" for column in columns]
            yield rf" & \quad {escape(source)} & {' & '.join(printed)} \\"


def _marks(lines: Sequence[Line], column: str) -> dict[str, str]:
    """LaTeX's command for the best and the second best text of a column; a bound is no competitor, nor is a fact."""
    if not layout.is_percent(column):
        return {}
    shown = {line.measured[column].text for line in lines if not line.is_bound and column in line.measured}
    ranked = sorted(shown, key=float, reverse=True)
    return dict(zip(ranked, (r"\textbf", r"\underline"), strict=False)) if len(ranked) > 1 else {}


def _figure(figure: Measured | None, marks: Mapping[str, str], aside: Aside, is_bound: bool) -> str:
    if figure is None:
        return "--"
    text = escape(figure.text)
    command = None if is_bound else marks.get(figure.text)
    text = f"{command}{{{text}}}" if command else text
    if aside == "interval" and figure.interval:
        return rf"{text} {{\scriptsize [{escape(figure.interval)}]}}"
    if aside == "std" and figure.std is not None:
        return rf"{text} {{\scriptsize $\pm$ {figure.std:.2f}}}"
    return text
