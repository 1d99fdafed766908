"""Write the measured figures of the tables into the pages that show them: `python docs/fill.py`, after `snakemake all`.

A page marks their place by `<!-- figures:begin cirr -->` and `<!-- figures:end -->`; `figures:begin cirr cirr_val` is
one benchmark's part of a table.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cirque.report import markdown
from cirque.store import files, schemas

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"(?P<begin><!-- figures:begin (?P<table>\w+)(?: (?P<benchmark>\w+))? -->\n).*?(?=<!-- figures:end -->)", re.S
)


def pages() -> Iterator[Path]:
    """Every page that may show figures."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").glob("**/*.md"))


def figures(block: re.Match[str], results: Path) -> str:
    """A block with the figures that stand in the results; as it is where its table was not made."""
    table = results / f"table_{block['table']}.parquet"
    if not table.is_file():
        print(f"{table}: no such file; its block stays as it is", file=sys.stderr)
        return block[0]
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    return f"{block['begin']}{markdown.show(rows, block['benchmark'])}\n"


def main(results: Path = ROOT / "results") -> None:
    """Fill every page."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(BLOCK.sub(lambda block: figures(block, results), text), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
