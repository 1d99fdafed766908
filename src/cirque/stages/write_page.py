"""Write a table as one self-contained HTML page with a chart."""

from pathlib import Path

from cirque.errors import CirqueError
from cirque.report import layout, page
from cirque.store import files, provenance, schemas


def main(*, table: Path, settings: Path, output: Path) -> None:
    """Write the page.

    Args:
        table: table_cirr.parquet.
        settings: settings.json of the same configuration.
        output: table_cirr.html; needs no network and no script.
    """
    rows = files.read_table(table, schemas.TABLE.names).to_pylist()
    if not rows:
        raise CirqueError(f"{table}: holds no figure; is there a run in its configuration?")
    for part in page.PARTS:
        provenance.read(part)
    words = layout.labels_of(files.read_json(settings)["benchmarks"])
    files.write_text(output, page.render(rows, table, words=words))
