"""Choose what a gallery shows: for each pair of methods the queries with the largest wins and losses, with pictures.

    best = {method: gallery.best_ranks(rankings[method]) for method in methods}
    wins = gallery.largest_wins(best["searle"], best["image-text"], n_each=4)

A query is won by the method that ranks its best ground truth higher. Of the wins, those come first whose winner has a
ground truth among the pictures that are shown; a ground truth at 400 instead of 900 is no picture.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from cirque.data import images, shards
from cirque.errors import CirqueError, listed

Ints = npt.NDArray[np.int64]
Row = Mapping[str, Any]

#: Columns of schemas.QUERIES and schemas.RANKINGS that a gallery reads.
OF_QUERIES = ("query_id", "reference_id", "captions", "group")
OF_RANKINGS = ("query_id", "target_ranks", "n_candidates", "top_ids")

#: Results shown of each method.
N_TOP = 5

#: A thumbnail's longer side, in pixels, and its JPEG quality.
THUMBNAIL_SIDE = 96
THUMBNAIL_QUALITY = 75

#: The best rank of a query without a known ground truth.
UNKNOWN = 0


@dataclass(frozen=True)
class Pair:
    """Two methods on the same queries: how many the first wins, loses and draws, and which wins and losses to show.

    Attributes:
        n_won: queries whose best ground truth the first method ranks higher.
        n_lost: queries whose best ground truth it ranks lower.
        n_equal: queries where both rank it alike.
        won: positions in `Gallery.examples`, largest win first.
        lost: the same of the losses.
    """

    n_won: int
    n_lost: int
    n_equal: int
    won: list[int]
    lost: list[int]


@dataclass(frozen=True)
class Answer:
    """What a method found for a query: rank of its best ground truth, and the best few, each with whether it is one.

    The rank is UNKNOWN where the answers are hidden.
    """

    rank: int
    top: list[tuple[str, bool]]


@dataclass(frozen=True)
class Example:
    """One query to show, with the answers of the methods that it is shown for."""

    query_id: str
    reference_id: str
    captions: list[str]
    group: str
    n_candidates: int
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Gallery:
    """A benchmark's queries to show on one backbone."""

    benchmark: str
    backbone: str
    methods: list[str]
    pairs: dict[tuple[str, str], Pair]
    examples: list[Example]

    @property
    def image_ids(self) -> set[str]:
        """Every image that is shown."""
        found = {example.reference_id for example in self.examples}
        for example in self.examples:
            found.update(name for answer in example.answers.values() for name, _ in answer.top)
        return found


def of_own_pictures(example: Example) -> Example:
    """An example whose reference is a picture of another kind than the gallery's, under a name of its own."""
    return replace(example, reference_id=own_name(example.reference_id))


def own_name(reference_id: str) -> str:
    """Name of a reference's own picture, where the gallery has one of the same id."""
    return f"{reference_id} (reference)"


# ---- queries -------------------------------------------------------------------------------------------------------


def choose(
    benchmark: str, backbone: str, queries: pa.Table, rankings: Mapping[str, pa.Table], n_each: int
) -> Gallery | None:
    """Choose the queries to show for every pair of methods.

    Args:
        benchmark: that the queries are of.
        backbone: that the methods ran on.
        queries: the columns OF_QUERIES.
        rankings: the columns OF_RANKINGS of two methods or more, each of the queries in their order.
        n_each: largest wins of each method of a pair.

    Returns:
        The gallery, or None where no query has a known ground truth.

    Raises:
        CirqueError: a ranking is of other queries.
    """
    for method, table in rankings.items():
        _require_same_queries(f"{benchmark}, {backbone}, {method}", queries, table)
    best = {method: best_ranks(table) for method, table in rankings.items()}
    if not any((ranks != UNKNOWN).any() for ranks in best.values()):
        return None
    shown: dict[int, set[str]] = {}
    chosen = {}
    for a, b in combinations(rankings, 2):
        won, lost = largest_wins(best[a], best[b], n_each), largest_wins(best[b], best[a], n_each)
        chosen[a, b] = (won, lost)
        for number in (*won, *lost):
            shown.setdefault(number, set()).update((a, b))
    places = {number: place for place, number in enumerate(sorted(shown))}
    pairs = {
        (a, b): Pair(*_counts(best[a], best[b]), [places[i] for i in won], [places[i] for i in lost])
        for (a, b), (won, lost) in chosen.items()
    }
    numbers = list(places)
    rows = {method: table.take(numbers).to_pylist() for method, table in rankings.items()}
    examples = [
        example_of(query, {method: rows[method][place] for method in rankings if method in shown[numbers[place]]})
        for place, query in enumerate(queries.take(numbers).to_pylist())
    ]
    return Gallery(benchmark, backbone, list(rankings), pairs, examples)


def _require_same_queries(what: str, queries: pa.Table, rankings: pa.Table) -> None:
    """Refuse a ranking of other queries; tell the first that differs."""
    ours, theirs = queries["query_id"].to_pylist(), rankings["query_id"].to_pylist()
    if ours == theirs:
        return
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    raise CirqueError(
        f"{what}: the ranking has {len(theirs):,} queries, of which number {first + 1} is not that of the "
        f"{len(ours):,} parsed ones; make it anew with Snakemake"
    )


def best_ranks(rankings: pa.Table) -> Ints:
    """Rank, from 1, of the best ground truth of each query [n_queries]; UNKNOWN where the answers are hidden."""
    lists = rankings["target_ranks"].combine_chunks()
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    best = np.full(len(lengths), UNKNOWN, dtype=np.int64)
    values = lists.flatten().to_numpy(zero_copy_only=False)
    if len(values):
        starts = np.concatenate([[0], np.cumsum(lengths[lengths > 0])[:-1]])
        best[lengths > 0] = np.minimum.reduceat(values, starts)
    return best


def largest_wins(winner: Ints, loser: Ints, n: int) -> list[int]:
    """Positions of the queries that one method wins over another by the most ranks, largest win first.

    Args:
        winner: rank of the best ground truth of each query [n_queries], UNKNOWN where there is none.
        loser: the same of the other method.
        n: how many, at most.

    Returns:
        Wins with a ground truth among the winner's first N_TOP, then others; of equal wins the earlier query first.
    """
    won = np.flatnonzero((winner != UNKNOWN) & (loser != UNKNOWN) & (winner < loser))
    order = np.lexsort((won, (winner - loser)[won], winner[won] > N_TOP))
    return [int(number) for number in won[order][:n]]


def _counts(one: Ints, other: Ints) -> tuple[int, int, int]:
    """Queries won, lost and equal, among those with a known ground truth."""
    known = (one != UNKNOWN) & (other != UNKNOWN)
    return (
        int(np.count_nonzero(known & (one < other))),
        int(np.count_nonzero(known & (one > other))),
        int(np.count_nonzero(known & (one == other))),
    )


def example_of(query: Row, rows: Mapping[str, Row], n_top: int = N_TOP) -> Example:
    """A query with the answers of some methods.

    Args:
        query: the columns OF_QUERIES.
        rows: of each method the columns OF_RANKINGS.
        n_top: results of each.
    """
    answers = {}
    for method, row in rows.items():
        targets = set(row["target_ranks"])
        top = [(name, rank in targets) for rank, name in enumerate(row["top_ids"][:n_top], start=1)]
        answers[method] = Answer(min(targets, default=UNKNOWN), top)
    n_candidates = next(iter(rows.values()))["n_candidates"]
    captions = list(query["captions"] or ())
    return Example(query["query_id"], query["reference_id"], captions, query["group"] or "", n_candidates, answers)


# ---- pictures ------------------------------------------------------------------------------------------------------


def read_thumbnails(
    image_ids: Iterable[str], manifest: Path, rows: Sequence[dict[str, Any]], of_shard: Mapping[int, Path]
) -> dict[str, bytes | None]:
    """JPEG thumbnails of some images of a set, from the shards that hold them; None where a file is no picture.

    Args:
        image_ids: of the images wanted.
        manifest: images.parquet of the image set, for messages.
        rows: of schemas.IMAGES, all of the image set.
        of_shard: the tar of each shard.

    Raises:
        CirqueError: the image set has no such image, a shard was not given, or one is spoilt.
    """
    wanted = set(image_ids)
    where = {row["image_id"]: row["shard"] for row in rows if row["image_id"] in wanted}
    missing = sorted(wanted - set(where))
    if missing:
        raise CirqueError(
            f"{manifest}: lacks {len(missing):,} images that rankings name ({listed(missing)}); "
            "the queries and the image set must come from one split"
        )
    found: dict[str, bytes | None] = {}
    for shard in sorted(set(where.values())):
        if shard not in of_shard:
            raise CirqueError(f"{manifest}: shard {shard:05d} of its images was not given; add it to --shards")
        for sample in shards.read_shard(of_shard[shard], shards.rows_of(rows, shard, manifest)):
            if sample.image_id in wanted:
                found[sample.image_id] = thumbnail(sample.data)
    return found


def thumbnail(data: bytes) -> bytes | None:
    """Bytes of an image file as a JPEG of at most THUMBNAIL_SIDE pixels, never enlarged; None if it is no picture.

    Transparency is dropped and an EXIF orientation is not applied: so the vision tower has it (`cirque.data.images`).
    """
    try:
        image = images.decode(data).convert("RGB")
    except (images.BadImage, ValueError, OSError):
        return None
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, format="JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    return stream.getvalue()
