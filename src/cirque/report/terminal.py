"""A table on the terminal: the page's layout in 120 columns, plain text when piped."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cirque.report import layout
from cirque.report.layout import Line, Measured, Split

#: Columns of a pipe or a log; a terminal has its own width.
WIDTH = 120

#: Columns of the method, of what a line holds, and of the verdict, together; and of one metric, if its name is short.
_WIDTH_OF_LABELS = 45
_WIDTH_OF_A_METRIC = 10

_VERDICT_STYLES = {"match": "green", "differs": "red"}


def show(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print rows of `schemas.TABLE`, one block of lines for each split, and the reasons behind the verdicts."""
    for split in layout.lay_out(rows):
        # A narrow terminal gets the metrics in several pieces: no digit is cut off.
        for metrics in _pieces(split.columns, console.width - _WIDTH_OF_LABELS):
            console.print(_grid(split, metrics))
    stated = {verdict: of_verdict for verdict, of_verdict in layout.reasons(rows).items() if of_verdict}
    for verdict, of_verdict in stated.items():
        text = Text(f"{verdict}: ", style=_VERDICT_STYLES.get(verdict, "bold"))
        console.print(text.append("; ".join(of_verdict), style="default"), soft_wrap=not console.is_terminal)


def _pieces(metrics: Sequence[str], width: int) -> list[list[str]]:
    """Metrics in groups that fit beside each other into so many columns, at least one in each."""
    pieces: list[list[str]] = []
    left = 0
    for metric in metrics:
        needed = max(_WIDTH_OF_A_METRIC, max(map(len, heading(metric).split("\n"))) + 1)
        if not pieces or needed > left:
            pieces.append([])
            left = width
        pieces[-1].append(metric)
        left -= needed
    return pieces


def heading(metric: str) -> str:
    """A metric as a heading: the words of a tag stand below it, each on a line of its own."""
    name, tag = layout.in_words(metric)
    return "\n".join([name, *tag.split()])


def _grid(split: Split, metrics: Sequence[str]) -> Table:
    """One split: a line each for what was measured, its interval, and every source that prints it."""
    beside = f" beside {' and '.join(split.sources)}" if split.sources else ""
    grid = Table(
        title=f"\n{split.title}{beside}{', %' if split.in_percent else ''}",
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        header_style="bold dim",
    )
    grid.add_column("Method", no_wrap=True)
    grid.add_column("", no_wrap=True)
    for metric in metrics:
        grid.add_column(Text(heading(metric)), justify="right", no_wrap=True)
    grid.add_column("Verdict" if split.sources else "", min_width=15)
    for block in split.blocks:
        grid.add_row()
        if block.has_heading:
            grid.add_row(Text(block.backbone, style="bold underline"), Text(block.model or "not run", style="dim"))
        for line in block.lines:
            for cells in _line(line, metrics):
                grid.add_row(*cells)
    return grid


def _line(line: Line, metrics: Sequence[str]) -> Iterator[list[Text | str]]:
    """The lines of one method: label, what the figures are, figures, verdict."""
    label = Text(line.label, style="italic" if line.is_bound else "bold")
    if line.measured:
        ours = [line.measured.get(metric) for metric in metrics]
        style = "dim" if line.is_bound else "bold cyan"
        values = [Text(figure.text, style=style) if figure else "" for figure in ours]
        yield [label, "measured", *values, "upper bound" if line.is_bound else ""]
        if line.has_intervals:
            intervals = [Text(_interval(figure), style="dim") if figure else "" for figure in ours]
            yield ["", Text("95 % interval", style="dim"), *intervals]
        if line.n_seeds > 1:
            stds = [f"{figure.std:.2f}" if figure and figure.std is not None else "" for figure in ours]
            yield ["", f"± {line.n_seeds} seeds", *stds]
        label = Text("")
    for source, figures in line.published.items():
        values = [Text(figures[metric].text, style="yellow") if metric in figures else "" for metric in metrics]
        name = Text("")
        if line.printed_as[source] != line.label:
            name = Text(f" {line.printed_as[source]}", style="dim")
        yield [label if label.plain else name, Text(source, style="yellow"), *values, _verdict(line.verdict(source))]
        label = Text("")


def _interval(figure: Measured) -> str:
    """Both ends; of percentages in nine characters: a hundred needs no place."""
    return figure.interval.replace("100.0", "100") if figure.in_percent else figure.interval


def _verdict(verdict: str) -> Text:
    return Text(verdict, style=_VERDICT_STYLES.get(verdict, "dim"))
