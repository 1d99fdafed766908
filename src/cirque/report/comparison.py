"""A comparison of methods on the terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cirque.evaluation import significance
from cirque.report import terminal


def show(rows: Sequence[Mapping[str, Any]], level: float, resamples: int, n_seeds: Mapping[str, int]) -> None:
    """Print a grid for each backbone and pair, then what the columns mean."""
    console = Console() if sys.stdout.isatty() else Console(width=terminal.WIDTH)
    blocks: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        blocks.setdefault((row["backbone"], row["method_a"], row["method_b"]), []).append(row)
    for of_block in blocks.values():
        console.print(_grid(of_block, level))
    several = [f"{method} is the mean of {n} seeds" for method, n in n_seeds.items() if n > 1]
    notes = [
        f"Interval: {100 * level:g} %, paired bootstrap over queries, {resamples:,} resamples.",
        f"p: two-sided permutation test, {resamples:,} exchanges of the methods (all, where at most"
        f" {significance.MOST_ENUMERATED} queries differ); Holm over all tests of this call ({len(rows)}), * below"
        f" {1 - level:.3g}.",
        *([f"{'; '.join(several)}: query by query, before all else."] if several else []),
    ]
    console.print(Text("\n" + "\n".join(notes), style="dim"), soft_wrap=not console.is_terminal)


def _grid(rows: Sequence[Mapping[str, Any]], level: float) -> Table:
    """One pair of methods on one backbone."""
    first = rows[0]
    has_groups = any(row["group"] for row in rows)
    grid = Table(
        title=f"\n{first['benchmark']}, {first['backbone']}: {first['method_a']} − {first['method_b']}, %",
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        header_style="bold dim",
    )
    for name in [*(["Group"] if has_groups else []), "Metric"]:
        grid.add_column(name, no_wrap=True)
    columns = ["Queries", first["method_a"], first["method_b"], "Difference", f"{100 * level:g} % interval", "p"]
    for name in [*columns, "p (Holm)"]:
        grid.add_column(name, justify="right")
    former = None
    for row in rows:
        if former not in {None, row["group"]}:
            grid.add_row()
        label = [Text(row["group"], style="bold") if row["group"] != former else ""] if has_groups else []
        former = row["group"]
        grid.add_row(*label, *_cells(row, level))
    return grid


def _cells(row: Mapping[str, Any], level: float) -> list[Text | str]:
    """The figures of one test; a difference that stands after Holm's correction carries a star."""
    stands = row["p_adjusted"] < 1 - level
    return [
        Text(row["metric"]),  # not markup: the tag of R@1[negation] stands in brackets
        f"{row['n_queries']:,}",
        f"{row['value_a']:.2f}",
        f"{row['value_b']:.2f}",
        Text(_signed(row["difference"]), style="bold cyan" if stands else ""),
        Text(f"{_signed(row['ci_low'])} to {_signed(row['ci_high'])}", style="dim"),
        _p(row["p_value"]),
        Text(_p(row["p_adjusted"]) + ("*" if stands else " "), style="bold" if stands else ""),
    ]


def _signed(points: float) -> str:
    """Percentage points with their sign; none for what rounds to 0."""
    text = f"{points:+.2f}"
    return "0.00" if float(text) == 0 else text


def _p(p: float) -> str:
    """Four places: as many as 10,000 draws tell."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"
