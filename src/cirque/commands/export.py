"""Write a table as LaTeX, CSV or Markdown, for a paper, a spreadsheet or an issue."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import duckdb
import tyro

from cirque.errors import CirqueError
from cirque.progress import say
from cirque.report import latex, markdown
from cirque.store import files, schemas


def main(
    table: Annotated[Path, tyro.conf.Positional],
    *,
    format: Literal["latex", "csv", "markdown"],
    output: Path | None = None,
    aside: latex.Aside = "none",
    published: bool = False,
) -> None:
    r"""Print the table, or write it to a file.

    Args:
        table: results/table_cirr.parquet.
        format: `latex` is the paper's layout with booktabs (best bold, second underlined within a backbone), `csv` a
            line a figure with all columns, `markdown` the measured figures.
        output: file to write; by default the table is printed.
        aside: of LaTeX, behind each measured figure: its 95 % `interval`, or the `std` over seeds.
        published: of LaTeX, whether the papers' own figures stand below ours.
    """
    if format != "latex" and (aside != "none" or published):
        raise CirqueError(
            f"export: --aside and --published are LaTeX's; {format} has every column, or measured figures"
        )
    found = files.read_table(table, schemas.TABLE.names)
    rows = found.to_pylist()
    if format == "csv":
        text = _csv(table)
    else:
        text = markdown.show(rows) if format == "markdown" else latex.show(rows, aside, published)
    if not text:
        raise CirqueError(f"{table}: holds no measured figure; csv has the published ones")
    if output is None:
        print(text)
        return
    files.write_text(output, f"{text}\n")
    say(f"{output}: {len(rows)} figures of {table}")


def _csv(table: Path) -> str:
    """All rows and columns, as DuckDB writes CSV."""
    with duckdb.connect() as connection, tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "table.csv")
        connection.from_arrow(files.read_table(table)).write_csv(str(written), header=True)
        return written.read_text(encoding="utf-8").removesuffix("\n")
