"""Rank a gallery of any size for queries, in bounded memory; in parts, if several machines are to share it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cirque.errors import CirqueError, listed
from cirque.evaluation import streamed
from cirque.evaluation.streamed import Asked, Images, Part
from cirque.progress import say
from cirque.store import arrays, files, provenance, schemas
from cirque.store.vector_rows import VectorRows

#: Columns that queries must have; schemas.QUERIES has more.
_NEEDED = ("query_id", "reference_id", "target_ids")

#: What a part's file holds of each query, in the order of `streamed.Part`.
_COLUMNS: Mapping[str, Any] = {
    "query_id": str,
    "named_scores": np.float32,
    "above": np.int64,
    "top_places": np.int64,
    "top_scores": np.float32,
}

_HOW = "write it with numpy.save"


def main(
    *,
    asked: Path,
    queries: Path,
    gallery: tuple[Path, ...],
    output: Path,
    names: Path | None = None,
    remove_reference: bool = False,
    part: int | None = None,
    n_parts: int = 1,
    merge: tuple[Path, ...] = (),
) -> None:
    """Write the rank of each target and the best 50 images of each query, of a gallery that is read block by block.

    `score --ranking` reads what is written. With --part and --n-parts a part is written; once all are there, the same
    call with --merge and their files in place of --part writes the bytes that one call for all writes.

    Args:
        asked: queries.parquet: query_id, reference_id and target_ids of each query, and what else a benchmark has.
        queries: features of the composed queries, .npy [n_queries, d] in the order of `asked`.
        gallery: features of the images, of any number: .npy [n_images, d] of any type of floats, or feature files
            (Parquet) as the workflow writes them, without the images that failed; normalised here.
        output: Parquet file to write.
        names: of the images of a .npy in their order: a text file, a name a line, or the first column of a Parquet
            file; by default an image is called by its position, from 0. Feature files have their own.
        remove_reference: whether a query's own reference is no candidate.
        part: which part, from 0.
        n_parts: parts that the gallery is divided into.
        merge: files of all parts.

    Raises:
        CirqueError: a file cannot be read or does not fit, or parts are missing, twice or of another ranking.
    """
    images = _gallery(gallery, names)
    provenance.read_unaltered(asked)
    with files.opened(asked, _NEEDED) as stored:
        rows = [row | {"target_ids": row["target_ids"] or []} for row in stored.read().to_pylist()]
    what = Asked.of(rows, _array(queries).astype(np.float32), images, remove_reference=remove_reference)
    # The features' bytes are not in the mark: they would be read once more for each part.
    of_gallery = [str(images.features.dtype), *images.features.shape, images.names_sha256()]
    mark = provenance.fingerprint(
        "evaluation.streamed", inputs=[asked, queries], gallery=of_gallery, remove_reference=remove_reference
    )
    if part is not None:
        if merge:
            raise CirqueError("rank: give --part, to make one, or --merge, once all are there")
        if not 0 <= part < n_parts:
            raise CirqueError(f"part {part} of {n_parts}: give one from 0 to {n_parts - 1}")
        blocks = streamed.parts_of(images, n_parts)[part]
        _write_part(output, streamed.partial(what, images, blocks), what, blocks, mark)
        say(f"{output}: blocks {blocks.start:,} to {blocks.stop - 1:,} of {images.n_blocks:,}")
        return
    if merge:
        parts = _read_parts(merge, what, images.n_blocks, mark)
    else:
        parts = [streamed.partial(what, images, blocks) for blocks in streamed.parts_of(images, n_parts)]
    files.write_rows(output, streamed.merged(what, images, parts), schemas.RANKINGS)
    say(f"{output}: {len(rows):,} queries, {len(images):,} images")


def _gallery(paths: Sequence[Path], names: Path | None) -> Images:
    """A gallery whose features stay where they are.

    Raises:
        CirqueError: files are of several kinds, or names do not fit.
    """
    if all(path.suffix == ".parquet" for path in paths):
        if names is not None:
            raise CirqueError(f"{names}: feature files have names of their own; leave --names out")
        rows = VectorRows(paths, "image_id", "feature")
        images = Images(rows, rows.names)
    elif len(paths) > 1:
        raise CirqueError(f"gallery: {listed([*map(str, paths)])}: give one .npy, or feature files (.parquet) alone")
    else:
        images = Images(_array(paths[0]), None if names is None else _names(names))
        if images.names is not None and len(images.names) != len(images):
            raise CirqueError(
                f"{names}: holds {len(images.names):,} names for the {len(images):,} images of {paths[0]}"
            )
    return images


def _array(path: Path) -> Any:
    provenance.read(path)
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; {_HOW}")
    found = arrays.read(path, _HOW)
    if found.ndim != 2 or not len(found) or found.dtype.kind != "f":
        raise CirqueError(
            f"{path}: holds {found.dtype} of shape {list(found.shape)}; give floats [n, d], at least one row"
        )
    return found


def _names(path: Path) -> pa.ChunkedArray:
    provenance.read(path)
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path, page_checksum_verification=True) as stored:
                return stored.read([stored.schema_arrow.names[0]]).column(0).cast(pa.string())
        return pa.chunked_array([path.read_text(encoding="utf-8").splitlines()], pa.string())
    except (pa.ArrowException, OSError, UnicodeDecodeError, IndexError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CirqueError(f"{path}: holds no names of images ({first}); give a text file or Parquet") from error


def _write_part(output: Path, part: Part, asked: Asked, blocks: range, mark: str) -> None:
    common = {"first_block": blocks.start, "end_block": blocks.stop, "asked": mark}
    rows = [
        dict(zip(_COLUMNS, (query["query_id"], *own), strict=True)) | common
        for query, *own in zip(asked.queries, part.named, part.above, part.places, part.scores, strict=True)
    ]
    files.write_rows(output, rows, schemas.PARTIAL_RANKINGS)


def _read_parts(paths: Sequence[Path], asked: Asked, n_blocks: int, mark: str) -> list[Part]:
    """All parts, in the order of their blocks."""
    found = []
    for path in paths:
        rows = files.read_table(path, schemas.PARTIAL_RANKINGS.names).to_pylist()
        if [row["query_id"] for row in rows] != [query["query_id"] for query in asked.queries] or any(
            row["asked"] != mark for row in rows
        ):
            raise CirqueError(f"{path}: a part of another ranking (queries, gallery or protocol differ); make it anew")
        named, above, places, scores = (
            [np.array(row[name], dtype=kind) for row in rows] for name, kind in _COLUMNS.items() if kind is not str
        )
        part = Part(named, above, places, scores)
        found.append((rows[0]["first_block"], rows[0]["end_block"], part))
    found.sort(key=lambda entry: entry[0])
    ends = [0, *(end for _, end, _ in found)]
    if [start for start, _, _ in found] != ends[:-1] or ends[-1] != n_blocks:
        spans = ", ".join(f"{start} to {end - 1}" for start, end, _ in found)
        raise CirqueError(f"parts of the blocks {spans}: give each of the {n_blocks} blocks once, from 0")
    return [part for _, _, part in found]
