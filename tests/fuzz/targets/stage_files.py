"""Stage files and their records: Parquet, vectors, decoded pictures, JSON."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from cirque.data import decoded
from cirque.store import files, provenance, schemas, vectors
from tests.fuzz import mutations
from tests.fuzz.harness import Target


def _features(folder: Path) -> list[bytes]:
    path = folder / "made.parquet"
    rows = [{"image_id": name, "feature": [0.5, 1.0], "status": status} for name, status in (("a", "ok"), ("b", "cut"))]
    files.write_rows(path, rows, schemas.features(2))
    data = path.read_bytes()
    path.unlink()
    return [data]


def _read_features(file: Path) -> None:
    names, array = vectors.read([file], "image_id", "feature")
    assert array.dtype == np.float32
    assert array.shape[0] == len(names)


def _rankings(folder: Path) -> list[bytes]:
    row = dict.fromkeys(schemas.RANKINGS.names)
    row |= {
        "query_id": "a",
        "group": "",
        "tags": ["x"],
        "target_ranks": [1],
        "n_candidates": 3,
        "top_ids": ["b"],
        "top_scores": [0.5],
    }
    files.write_rows(folder / "made.parquet", [row], schemas.RANKINGS)
    data = (folder / "made.parquet").read_bytes()
    (folder / "made.parquet").unlink()
    return [data]


def _decoded(folder: Path) -> list[bytes]:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    decoded.write(folder / "made.npy", [("a", pixels[0]), ("b", pixels[1])], 2)
    data = (folder / "made.npy").read_bytes()
    (folder / "made.npy").unlink()
    return [data]


def _records(folder: Path) -> list[bytes]:
    table = folder / "table.parquet"
    files.write_table(table, pa.table({"a": [1]}), pa.schema([("a", pa.int64())]))
    provenance.write_records("build_table", [], 0.0)
    return [provenance.record_path(table).read_bytes()]


def _read_beside(file: Path) -> None:
    files.read_table(file.with_name("table.parquet"))


TARGETS = [
    Target("features", "00000.parquet", _features, _read_features),
    Target(
        "rankings",
        "rankings.parquet",
        _rankings,
        lambda file: files.read_table(file, schemas.RANKINGS.names).to_pylist(),
    ),
    Target("decoded", "decoded.npy", _decoded, lambda file: int(decoded.read(file, 2).sum())),
    Target("record", "table.parquet.run.json", _records, _read_beside, mutations.of_json),
    Target("json", "settings.json", lambda folder: [b'{"a": [1, 2.5, null, "x"]}'], files.read_json, mutations.of_json),
]
