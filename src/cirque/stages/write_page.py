"""Write a table as one self-contained HTML page with a chart."""

from pathlib import Path

from cirque.errors import CirqueError
from cirque.report import page
from cirque.store import files, provenance, schemas


def main(*, table: Path, output: Path) -> None:
    """Write the page.

    Args:
        table: table_cirr.parquet.
        output: table_cirr.html; needs no network and no script.
    """
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    if not rows:
        raise CirqueError(f"{table}: holds no figure; is there a run in its configuration?")
    for part in page.PARTS:
        provenance.read(part)
    files.write_text(output, page.render(rows, table))
