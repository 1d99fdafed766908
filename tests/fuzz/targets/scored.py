"""What others computed and `python -m cirque score` takes: features, rankings, server files."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save

from cirque.evaluation import scored
from cirque.evaluation.ranking import Gallery
from cirque.store import files, schemas
from tests.evaluated import query
from tests.fuzz import mutations
from tests.fuzz.harness import Target

_IDS = ["a", "b", "c"]
_ARRAY = np.arange(6, dtype=np.float32).reshape(3, 2)


def _features(file: Path) -> None:
    found = scored.features(file, _IDS, "query")
    assert found.dtype == np.float32
    assert (found.ndim, len(found)) == (2, len(_IDS))


def _npy(folder: Path) -> list[bytes]:
    out = io.BytesIO()
    np.save(out, _ARRAY)
    return [out.getvalue()]


def _parquet(folder: Path) -> list[bytes]:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": _IDS, "feature": _ARRAY.tolist()}), out, write_page_checksum=True)
    return [out.getvalue()]


def _safetensors(folder: Path) -> list[bytes]:
    return [save({"features": _ARRAY}), save({"features": _ARRAY}, {"ids": json.dumps(_IDS)})]


_QUERIES = [query(number) for number in range(3)]
_NAMES = sorted({name for one in _QUERIES for name in (one["reference_id"], *one["target_ids"])} | {"x", "y"})
_GALLERY = Gallery(_NAMES, np.empty((0, 0), np.float32), [""] * len(_NAMES))
_BEST = {one["query_id"]: [name for name in _NAMES if name != one["reference_id"]] for one in _QUERIES}


def _rank(file: Path) -> None:
    rows, _ = scored.ranking(file, _QUERIES, _GALLERY, ["R@1", "R_subset@1"], remove_reference=True)
    pa.Table.from_pylist(rows, schema=schemas.RANKINGS)


def _server_files(folder: Path) -> list[bytes]:
    of_cirr = {"version": "rc2", "metric": "recall", **_BEST}
    of_sets = {"metric": "recall_subset", **{one["query_id"]: one["subset_ids"] for one in _QUERIES}}
    return [json.dumps(content).encode() for content in (_BEST, of_cirr, of_sets)]


def _trec(folder: Path) -> list[bytes]:
    lines = [f"{query} Q0 {name} {rank} {-rank} run" for query, best in _BEST.items() for rank, name in enumerate(best)]
    return ["\n".join(lines).encode()]


def _rankings(folder: Path) -> list[bytes]:
    (folder / "list.json").write_text(json.dumps(_BEST))
    rows, _ = scored.ranking(folder / "list.json", _QUERIES, _GALLERY, ["R@1"], remove_reference=True)
    files.write_rows(folder / "made.parquet", rows, schemas.RANKINGS)
    data = (folder / "made.parquet").read_bytes()
    (folder / "made.parquet").unlink()
    return [data]


TARGETS = [
    Target("scored_npy", "features.npy", _npy, _features),
    Target("scored_parquet", "features.parquet", _parquet, _features),
    Target("scored_safetensors", "features.safetensors", _safetensors, _features, mutations.of_safetensors),
    Target("scored_server_file", "recall.json", _server_files, _rank, mutations.of_json),
    Target("scored_trec", "run.trec", _trec, _rank, mutations.of_lines),
    Target("scored_rankings", "rankings.parquet", _rankings, _rank),
]
