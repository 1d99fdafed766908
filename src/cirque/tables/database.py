"""results/cirque.duckdb: a view over each kind of stage file, the papers' numbers, and the metrics as macros.

A view is a glob over hive partitions, relative to the working directory, so that it always shows what lies there:

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
from cirque.store import schemas

_IMAGES_OF_BACKBONE = "image_set=*/preprocess=*/backbone=*"
_RUN = "benchmark=*/backbone=*/method=*/seed=*"

#: Partition keys that are numbers; the others are names.
_NUMBERS = {"seed": "INTEGER"}


@dataclass(frozen=True)
class View:
    """One kind of stage file: where they lie under results/scale=…, their columns, and what a row is."""

    glob: str
    schema: pa.Schema
    comment: str

    @property
    def keys(self) -> dict[str, str]:
        """Partition keys and their SQL types."""
        parts = [part.split("=")[0] for part in ("scale=*/" + self.glob).split("/") if "=" in part]
        return {key: _NUMBERS.get(key, "VARCHAR") for key in parts}

    @property
    def placeholder(self) -> str:
        """An empty file that the glob matches."""
        parts = self.glob.split("/")
        return "/".join(part.replace("*", "0" if part.split("=")[0] in _NUMBERS else "none") for part in parts)


VIEWS: Mapping[str, View] = {
    "images": View("images/image_set=*/images.parquet", schemas.IMAGES, "an image of an image set"),
    "queries": View("queries/benchmark=*/queries.parquet", schemas.QUERIES, "a query of a benchmark"),
    "gallery": View("gallery/benchmark=*/gallery.parquet", schemas.GALLERY, "a candidate image of a benchmark"),
    "features": View(
        f"features/{_IMAGES_OF_BACKBONE}/*.parquet", schemas.features(1), "an image's feature, un-normalised"
    ),
    "concepts": View(
        f"concepts/{_IMAGES_OF_BACKBONE}/concepts.parquet", schemas.CONCEPTS, "an image's nearest concepts"
    ),
    "concept_features": View(
        "concept_features/backbone=*/features.parquet", schemas.concept_features(1), "a concept's feature"
    ),
    "phrases": View("phrases/*.parquet", schemas.PHRASES, "a concept's phrases by the language model"),
    "phrase_features": View(
        "phrase_features/backbone=*/*.parquet", schemas.phrase_features(1), "the features of a concept's phrases"
    ),
    "tokens": View(
        f"tokens/{_IMAGES_OF_BACKBONE}/seed=*/*.parquet", schemas.tokens(1), "an image's pseudo token, by OTI"
    ),
    "reference_captions": View(
        "reference_captions/captioner=*/image_set=*/*.parquet",
        schemas.REFERENCE_CAPTIONS,
        "a reference's caption, by a captioner",
    ),
    "training": View(
        "phi/source=*/backbone=*/seed=*/training.parquet", schemas.TRAINING, "a loss of φ at a training step"
    ),
    "training_times": View(
        "training_times/network=*/backbone=*/seed=*/times.parquet",
        schemas.TRAINING_TIMES,
        "what the jobs of one rule took of a training of φ and all that it depends on",
    ),
    "query_features": View(
        f"query_features/{_RUN}/queries.parquet", schemas.query_features(1), "what a method composed for a query"
    ),
    "rankings": View(
        f"rankings/{_RUN}/rankings.parquet", schemas.RANKINGS, "a query's ranking: rank of each ground truth, best 50"
    ),
    "metrics": View(f"metrics/{_RUN}/metrics.parquet", schemas.METRICS, "a metric of a run, in percent"),
    "tables": View("table_*.parquet", schemas.TABLE, "a figure of a paper's table, measured beside published"),
}


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
        results: folder of `scale=…`, as seen from the working directory in which the database will be opened.
        published: the papers' numbers, `schemas.PUBLISHED`.
    """
    with duckdb.connect() as connection:
        # The oldest format that holds the macros: a DuckDB from 1.4 on opens it, whichever a person has installed.
        connection.execute(f"ATTACH {_text(str(path))} AS created (STORAGE_VERSION 'v1.4.0')")
        connection.execute("USE created")
        connection.execute(MACROS.read_text(encoding="utf-8"))
        for name, view in VIEWS.items():
            types = ", ".join(f"{_quoted(key)}: {kind}" for key, kind in view.keys.items())
            glob = _text(f"{results.as_posix()}/scale=*/{view.glob}")
            connection.execute(
                f"CREATE VIEW {name} AS SELECT * FROM"
                f" read_parquet({glob}, hive_partitioning = true, hive_types = {{{types}}})"
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
