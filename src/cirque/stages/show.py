"""Print a table on the terminal as the paper lays it out, and say where its page is."""

import sys
from pathlib import Path

from rich.console import Console

from cirque import files, schemas
from cirque.report import terminal


def main(*, table: Path) -> None:
    """Print the table: measured, 95 % interval and published.

    Args:
        table: table_cirr.parquet; its page is table_cirr.html beside it.
    """
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    console = Console() if sys.stdout.isatty() else Console(width=terminal.WIDTH)
    terminal.show(rows, console)
    page = table.with_suffix(".html")
    if page.is_file():
        console.print(f"\npage with chart: {page}", soft_wrap=True, highlight=False)
