"""Write results/cirque.duckdb: views over every stage file, the papers' numbers, and the metrics as macros."""

from pathlib import Path

import duckdb

from cirque.errors import CirqueError
from cirque.evaluation.metrics import MACROS
from cirque.store import files, provenance
from cirque.tables import build as tables
from cirque.tables import database


def main(*, results: Path, published: list[Path], output: Path) -> None:
    """Write the database and, under results/scale=none, an empty file of each kind that its views need.

    Args:
        results: folder of scale=….
        published: the papers' numbers, config/published/*.csv.
        output: cirque.duckdb, in that folder.
    """
    provenance.read(MACROS)
    figures = tables.read_published(published)
    database.write_placeholders(results)
    with files.atomic(output) as partial:
        partial.unlink(missing_ok=True)  # left by a killed process of the same number; DuckDB would go on in it
        try:
            database.create(partial, results, figures)
        except duckdb.Error as error:
            raise CirqueError(
                f"{output}: could not be written ({error}); the former file, if any, is as it was"
            ) from error
