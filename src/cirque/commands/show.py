"""Print a table on the terminal as the paper lays it out, and say where its page is; or its figures as Markdown."""

import sys
from pathlib import Path
from typing import Literal

from rich.console import Console

from cirque.report import markdown, terminal
from cirque.store import files, schemas


def main(*, table: Path, style: Literal["terminal", "markdown"] = "terminal") -> None:
    """Print the table: measured, 95 % interval and published.

    Args:
        table: table_cirr.parquet; its page is table_cirr.html beside it.
        style: `terminal`, or `markdown` for the measured figures alone.
    """
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    if style == "markdown":
        print(markdown.show(rows))
        return
    console = Console() if sys.stdout.isatty() else Console(width=terminal.WIDTH)
    terminal.show(rows, console)
    page = table.with_suffix(".html")
    if page.is_file():
        console.print(f"\npage with chart: {page}", soft_wrap=True, highlight=False)
