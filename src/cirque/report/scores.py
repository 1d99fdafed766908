"""The metrics of one run on the terminal: a line a group of queries and metric."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from cirque.report.terminal import WIDTH


def show(title: str, figures: Sequence[Mapping[str, Any]], level: float) -> None:
    """Print rows of `schemas.METRICS`.

    Args:
        title: of the benchmark.
        figures: group, metric, value, ends of the interval, number of queries.
        level: of the intervals.
    """
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    grid = Table(title=f"\n{title}, %", title_justify="left", title_style="bold", box=None, pad_edge=False)
    groups = any(figure["group"] for figure in figures)
    for heading in [*(["Queries"] if groups else []), "Metric"]:
        grid.add_column(heading)
    for heading in ("Value", f"{level:.0%} interval", "n"):
        grid.add_column(heading, justify="right")
    for figure in figures:
        interval = f"{figure['ci_low']:.1f}–{figure['ci_high']:.1f}"
        cells = [figure["metric"], f"{figure['value']:.2f}", interval, f"{figure['n_queries']:,}"]
        grid.add_row(*([figure["group"]] if groups else []), *cells)
    console.print(grid)
