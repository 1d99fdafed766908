"""results/cirque.duckdb: a view over each kind of stage file, the papers' numbers, and the metrics as macros.

A view is a glob over hive partitions beside the database, so that it always shows what lies there, from
whichever folder the database is opened and wherever `results` was moved or copied to:

    duckdb results/cirque.duckdb "SELECT method, 100 * avg(recall_at(target_ranks, 10)) FROM rankings GROUP BY method"

DuckDB refuses a view whose glob matches no file. So an empty file of each kind lies under `scale=none`, and every view
can be asked at any time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from cirque.evaluation.metrics import MACROS
from cirque.plan.paths import KINDS, Kind
from cirque.store import schemas

#: SQL for the folder of the opened database. A path in a view can hold no subquery, and no function names the database;
#: but the default folder of temporary files is called like it. Where a session attaches the database to another one, or
#: sets `temp_directory`, the variable names the folder instead: `SET VARIABLE results = '…'`.
FOLDER = "coalesce(getvariable('results'), nullif(parse_dirpath(current_setting('temp_directory')), ''), '.')"

#: Partition keys that are numbers; the others are names.
_NUMBERS = {"seed": "INTEGER", "encoder_seed": "INTEGER"}


@dataclass(frozen=True)
class View:
    """One kind of stage file (`cirque.plan.paths`), its columns, and what a row is."""

    kind: Kind
    schema: pa.Schema
    comment: str

    @property
    def keys(self) -> dict[str, str]:
        """Partition keys and their SQL types."""
        return {key: _NUMBERS.get(key, "VARCHAR") for key in ("scale", *self.kind.keys)}

    @property
    def placeholder(self) -> str:
        """Path of an empty file of the kind, below a scale."""
        return self.kind.path(**{name: 0 if name in _NUMBERS else "none" for name in self.kind.wildcards})


#: Columns and meaning of each kind that has a view, which is called like the kind.
_CONTENTS: Mapping[str, tuple[pa.Schema, str]] = {
    "images": (schemas.IMAGES, "an image of an image set"),
    "queries": (schemas.QUERIES, "a query of a benchmark"),
    "gallery": (schemas.GALLERY, "a candidate image of a benchmark"),
    "features": (schemas.features(1), "an image's feature, un-normalised"),
    "concepts": (schemas.CONCEPTS, "an image's nearest concepts"),
    "concept_features": (schemas.concept_features(1), "a concept's feature"),
    "phrases": (schemas.PHRASES, "a concept's phrases by the language model"),
    "phrase_features": (schemas.phrase_features(1), "the features of a concept's phrases"),
    "captions": (schemas.CAPTIONS, "a caption of a corpus, with parts of speech"),
    "caption_features": (schemas.vectors("caption_id", "feature", 1), "the feature of a corpus's caption"),
    "tokens": (schemas.tokens(1), "an image's pseudo token, by an inversion"),
    "reference_captions": (schemas.REFERENCE_CAPTIONS, "a reference's caption, by a captioner"),
    "training": (schemas.TRAINING, "a loss of φ at a training step"),
    "training_times": (schemas.TRAINING_TIMES, "what the runs of one stage took of a training of φ and all below it"),
    "query_features": (schemas.query_features(1), "what a method composed for a query"),
    "rankings": (schemas.RANKINGS, "a query's ranking: rank of each ground truth, best 50"),
    "metrics": (schemas.METRICS, "a metric of a run, in percent"),
    "tables": (schemas.TABLE, "a figure of a paper's table, measured beside published"),
}

VIEWS: Mapping[str, View] = {name: View(KINDS[name], schema, comment) for name, (schema, comment) in _CONTENTS.items()}


def write_placeholders(results: Path) -> None:
    """Lay an empty file of each kind under `scale=none`."""
    for view in VIEWS.values():
        path = results / "scale=none" / view.placeholder
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f".{path.name}.part"
        pq.write_table(view.schema.empty_table(), partial)
        partial.replace(path)


def create(path: Path, results: Path, published: pa.Table) -> None:
    """Write the database to a path at which there is no file.

    Args:
        path: of the new database.
        results: folder of `scale=…`, in which the database will lie.
        published: the papers' numbers, `schemas.PUBLISHED`.
    """
    with duckdb.connect() as connection:
        # The oldest format that holds the macros: a DuckDB from 1.4 on opens it, whichever a person has installed.
        connection.execute(f"ATTACH {_text(str(path))} AS created (STORAGE_VERSION 'v1.4.0')")
        connection.execute("USE created")
        connection.execute(f"SET VARIABLE results = {_text(str(results))}")
        connection.execute(MACROS.read_text(encoding="utf-8"))
        for name, view in VIEWS.items():
            types = ", ".join(f"{_quoted(key)}: {kind}" for key, kind in view.keys.items())
            glob = _text(f"/scale=*/{view.kind.glob()}")
            connection.execute(
                f"CREATE VIEW {name} AS SELECT * FROM"
                f" read_parquet({FOLDER} || {glob}, hive_partitioning = true, hive_types = {{{types}}})"
            )
            connection.execute(f"COMMENT ON VIEW {name} IS {_text(view.comment)}")
        columns = ", ".join(map(_quoted, schemas.PUBLISHED.names))
        connection.register("read_from_files", published)
        connection.execute(f"CREATE TABLE published AS SELECT {columns} FROM read_from_files ORDER BY position")
        connection.execute("COMMENT ON TABLE published IS 'a figure that a paper prints'")
        connection.unregister("read_from_files")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
