"""Write one self-contained HTML page over all tables."""

from collections.abc import Sequence
from pathlib import Path

from cirque.errors import CirqueError, listed
from cirque.progress import say
from cirque.report import figure, index
from cirque.store import files, provenance, schemas

#: How the pages of queries are called, before the benchmark's name.
QUERIES = "queries_"


def main(
    *,
    tables: list[Path],
    settings: Path,
    output: Path,
    plots: list[Path] | None = None,
    queries: list[Path] | None = None,
) -> None:
    """Write the page.

    Args:
        tables: table_cirr.parquet and others.
        settings: settings.json of the same configuration.
        output: index.html; needs no network.
        plots: plot_NAME.svg of each plot.
        queries: queries_BENCHMARK.html of each benchmark that has one; they are linked.
    """
    of_tables = {path: files.read_table(path, schemas.TABLE.names).to_pylist() for path in tables}
    empty = [path for path, rows in of_tables.items() if not rows]
    if empty or not tables:
        which = f"{listed(empty)}: holds no figure" if empty else "--tables names no table"
        raise CirqueError(f"{which}; is there a run in its configuration?")
    about = files.read_json(settings)
    galleries = {path.stem.removeprefix(QUERIES): path for path in queries or []}
    unknown = [str(path) for name, path in galleries.items() if name not in about["benchmarks"]]
    if unknown:
        raise CirqueError(f"{listed(unknown)}: not called {QUERIES}BENCHMARK.html after a benchmark of the settings")
    for part in index.PARTS:
        provenance.read(part)
    html = index.render(of_tables, about, output, _drawings(plots or []), galleries)
    files.write_text(output, html)
    say(f"{len(of_tables)} tables: {len(html.encode()) / 1e6:,.1f} MB")


def _drawings(plots: Sequence[Path]) -> dict[Path, str]:
    """The drawing of each plot.

    Raises:
        CirqueError: a file is missing or no drawing of the stage plot.
    """
    found = {}
    for path in plots:
        provenance.read(path)
        if not path.is_file():
            raise CirqueError(f"{path}: no such file; ask Snakemake for it (snakemake -c8 {path})")
        found[path] = path.read_text(encoding="utf-8")
        if not figure.title_of(found[path]):
            raise CirqueError(f"{path}: has no title, so it is no drawing of the stage plot; make it anew")
    return found
