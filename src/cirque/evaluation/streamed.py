"""Rank a gallery of any size in bounded memory, in parts if need be: the ranks and the best that `ranking.rank` finds.

    gallery = Images(arrays.read(path, cure), names)
    asked = Asked.of(queries, features, gallery, remove_reference=True)
    parts = [partial(asked, gallery, blocks) for blocks in parts_of(gallery, 2)]  # on two machines
    rows = merged(asked, gallery, parts)  # of schemas.RANKINGS

The gallery is read in blocks of one size that begin at fixed positions: what a query scores with an image comes of the
same product, to the last bit on one kind of processor, whoever computes the block. A rank is a count, which adds up
over blocks; the best of some blocks and of others hold the best of all. So parts of whole blocks merge to the same
rows.

What targets score must be known before anything is counted. Of other blocks their rows alone are read for it, and
multiplied at their own places in a block that is else zero: a product of the same shape has the same bits.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cirque.errors import CirqueError, listed
from cirque.evaluation.ranking import N_BEST, best_first, count_above, normalise, require_apart, subset_rank
from cirque.progress import progress
from cirque.store import vectors
from cirque.store.vector_rows import VectorRows

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

#: Images of a block: of 768 numbers each, 100 MB.
BLOCK = 2**15

#: Queries whose scores with a block are held at once: 64 MB.
QUERIES_AT_ONCE = 2**9


@dataclass(frozen=True)
class _Names(Sequence[str]):
    """Names of some images, looked up when they are asked for."""

    images: "Images"
    positions: Positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> "_Names": ...

    def __getitem__(self, row: int | slice) -> "str | _Names":
        if isinstance(row, slice):
            return _Names(self.images, self.positions[row])
        return self.images.name(int(self.positions[row]))


@dataclass(frozen=True)
class Images:
    """A gallery on disk.

    Attributes:
        features: [n, d], mapped and not held (`store.arrays`), or files that are read by and by (`store.vector_rows`);
            un-normalised or not, of any type of floats.
        names: of the images, a column of strings; None: their positions are their names.
    """

    features: npt.NDArray[Any] | VectorRows
    names: pa.ChunkedArray | None = None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def n_blocks(self) -> int:
        """Blocks, of which the last one has what is left."""
        return -(-len(self) // BLOCK)

    def name(self, position: int) -> str:
        """Name of an image."""
        return str(position) if self.names is None else str(self.names[position].as_py())

    def names_sha256(self) -> str:
        """What tells galleries of other names, or of the same in another order, apart."""
        digest = hashlib.sha256()
        for chunk in self.names.chunks if self.names is not None else []:
            digest.update("".join(f"{len(name)} {name}" for name in chunk.to_pylist()).encode())
        return digest.hexdigest()

    def require_unique(self) -> None:
        """Refuse a gallery in which an image stands twice: it would count twice in every rank.

        Raises:
            CirqueError: it names some.
        """
        twice = vectors.repeated(self.names) if self.names is not None else []
        if twice:
            raise CirqueError(f"gallery: {len(twice)} names occur twice ({listed(twice)})")

    def locate(self, wanted: Sequence[str]) -> dict[str, int]:
        """Positions of some names; those that the gallery has not are left out."""
        if self.names is None:
            return {
                name: int(name)
                for name in wanted
                if name.isdecimal() and name == str(int(name)) and int(name) < len(self)
            }
        places = np.flatnonzero(pc.is_in(self.names, pa.array(sorted(set(wanted)), pa.string())).to_numpy())
        return {self.name(int(place)): int(place) for place in places}

    def block(self, number: int) -> Floats:
        """Normalised features of a block [at most BLOCK, d].

        Raises:
            CirqueError: a feature is not finite or is zero.
        """
        places = np.arange(number * BLOCK, min(len(self), (number + 1) * BLOCK))
        return self._normalised(self.features[places[0] : places[-1] + 1], places)

    def alone(self, number: int, places: Positions) -> Floats:
        """The block in which all other images are zero.

        Raises:
            CirqueError: a feature is not finite or is zero.
        """
        start = number * BLOCK
        block = np.zeros((min(len(self) - start, BLOCK), self.features.shape[1]), dtype=np.float32)
        block[places - start] = self._normalised(self.features[places], places)
        return block

    def _normalised(self, features: npt.NDArray[Any], places: Positions) -> Floats:
        return normalise(np.asarray(features, dtype=np.float32), _Names(self, places))


# ---- what is asked -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """Queries, and where in the gallery stands what they name.

    Attributes:
        queries: rows of `schemas.QUERIES`; of query_id, target_ids, subset_ids and reference_id use is made.
        features: normalised [n, d].
        named: positions of each query's targets, of its subset, and of its reference if it is removed, in this order.
        remove_reference: whether a query's own reference is no candidate.
    """

    queries: Sequence[Mapping[str, Any]]
    features: Floats
    named: Sequence[Positions]
    remove_reference: bool

    @classmethod
    def of(
        cls, queries: Sequence[Mapping[str, Any]], features: Floats, gallery: Images, *, remove_reference: bool
    ) -> "Asked":
        """Look up what queries name.

        Raises:
            CirqueError: it is not in the gallery, an image is there twice, a query has candidates of its own or a
                group, or features do not fit.
        """
        if features.ndim != 2 or features.shape[1] != gallery.features.shape[1] or len(features) != len(queries):
            raise CirqueError(
                f"query features have the shape {list(features.shape)} for {len(queries):,} queries beside a gallery of"
                f" {list(gallery.features.shape)}; give one row a query, of the gallery's model"
            )
        for query in queries:
            if query.get("candidate_ids") is not None or query.get("group"):
                raise CirqueError(
                    f"query {query['query_id']}: has candidates of its own or a group; such a benchmark is small enough"
                    " for python -m cirque score"
                )
        gallery.require_unique()
        wanted = [_named(query, remove_reference) for query in queries]
        position = gallery.locate(list({name for names in wanted for name in names}))
        for query, names in zip(queries, wanted, strict=True):
            missing = [name for name in names if name not in position]
            if missing:
                raise CirqueError(
                    f"query {query['query_id']}: {listed(missing)} not among the {len(gallery):,} images of the gallery"
                )
        named = [np.array([position[name] for name in names], dtype=np.int64) for names in wanted]
        ids = [query["query_id"] for query in queries]
        return cls(queries, normalise(features, ids), named, remove_reference)

    def chunks(self) -> Iterator[slice]:
        """Queries whose scores are held together, the same of every part: a product's bits go with its shape."""
        for start in range(0, len(self.queries), QUERIES_AT_ONCE):
            yield slice(start, min(len(self.queries), start + QUERIES_AT_ONCE))


def _named(query: Mapping[str, Any], remove_reference: bool) -> list[str]:
    """Images of a query whose scores must be known: targets, members of its subset, its removed reference."""
    if remove_reference:
        require_apart(query)
    removed = [query["reference_id"]] if remove_reference else []
    return [*query["target_ids"], *(query.get("subset_ids") or []), *removed]


def scores_of_named(asked: Asked, gallery: Images) -> list[Floats]:
    """What each query scores with the images that it names, in their order."""
    found = [np.zeros(len(places), dtype=np.float32) for places in asked.named]
    everywhere = [np.unique(np.concatenate([np.zeros(0, np.int64), *asked.named[chunk]])) for chunk in asked.chunks()]
    for chunk, places in zip(asked.chunks(), everywhere, strict=True):
        for number in np.unique(places // BLOCK).tolist():
            start = number * BLOCK
            product = asked.features[chunk] @ gallery.alone(number, places[places // BLOCK == number]).T
            for row, query in enumerate(range(len(asked.queries))[chunk]):
                own = np.flatnonzero(asked.named[query] // BLOCK == number)
                found[query][own] = product[row, asked.named[query][own] - start]
    return found


# ---- parts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What some blocks of a gallery say of each query, in the order of the queries.

    Attributes:
        named: what each query scores with the images that it names, in any part.
        above: how many images of the part come before each target.
        places: positions of the part's best images, best first.
        scores: of these.
    """

    named: Sequence[Floats]
    above: Sequence[Positions]
    places: Sequence[Positions]
    scores: Sequence[Floats]


def parts_of(gallery: Images, n_parts: int) -> list[range]:
    """The gallery's blocks in as many parts, as even as can be.

    Raises:
        CirqueError: there are fewer blocks than parts.
    """
    if not 1 <= n_parts <= gallery.n_blocks:
        raise CirqueError(
            f"{n_parts} parts of a gallery of {len(gallery):,} images: give 1 to {gallery.n_blocks}, for a part has"
            f" whole blocks of {BLOCK:,}"
        )
    bounds = [gallery.n_blocks * part // n_parts for part in range(n_parts + 1)]
    return [range(start, end) for start, end in itertools.pairwise(bounds)]


def partial(asked: Asked, gallery: Images, blocks: range) -> Part:
    """Count and keep what a part of the gallery holds; memory is that of a block and of its scores."""
    n = len(asked.queries)
    n_targets = [len(query["target_ids"]) for query in asked.queries]
    scored = scores_of_named(asked, gallery)
    above = [np.zeros(count, dtype=np.int64) for count in n_targets]
    places = [np.zeros(0, dtype=np.int64) for _ in range(n)]
    best = [np.zeros(0, dtype=np.float32) for _ in range(n)]
    for number in progress(blocks, what="gallery", unit=f"{BLOCK:,} images"):
        block, start = gallery.block(number), number * BLOCK
        for chunk in asked.chunks():
            product = asked.features[chunk] @ block.T
            for own, query in zip(product, range(n)[chunk], strict=True):
                _leave_out(own, asked, query, start)
                for target in range(n_targets[query]):
                    position, score = int(asked.named[query][target]) - start, scored[query][target]
                    above[query][target] += count_above(own, position, score)
                top = best_first(own, min(N_BEST, len(own)))
                joined = np.concatenate([best[query], own[top]])
                order = best_first(joined, min(N_BEST, len(joined)))
                places[query] = np.concatenate([places[query], top + start])[order]
                best[query] = joined[order]
    return Part(scored, above, places, best)


def _leave_out(scores: Floats, asked: Asked, query: int, start: int) -> None:
    """Put a removed reference below all others."""
    if asked.remove_reference:
        place = int(asked.named[query][-1]) - start
        if 0 <= place < len(scores):
            scores[place] = -np.inf


def merged(asked: Asked, gallery: Images, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Rows of `schemas.RANKINGS` of all parts of a gallery, in the order of its blocks.

    Raises:
        CirqueError: parts disagree about a score.
    """
    scored = parts[0].named
    for part in parts[1:]:
        if any(not np.array_equal(own, other) for own, other in zip(part.named, scored, strict=True)):
            raise CirqueError(
                "the parts score the same images differently: they are of other galleries, or of processors that round"
                " in other ways; make all of them anew in one place"
            )
    n_candidates = len(gallery) - asked.remove_reference
    rows = []
    for number, query in enumerate(asked.queries):
        joined = np.concatenate([part.scores[number] for part in parts])
        order = best_first(joined, min(N_BEST, n_candidates, len(joined)))
        places = np.concatenate([part.places[number] for part in parts])[order]
        subset = _subset(query, asked.named[number], scored[number])
        rows.append(
            {
                "query_id": query["query_id"],
                "group": query.get("group") or "",
                "tags": query.get("tags") or [],
                "target_ranks": (1 + np.sum([part.above[number] for part in parts], axis=0)).tolist(),
                "subset_rank": subset_rank(query, subset) if subset is not None and query["target_ids"] else None,
                "n_candidates": n_candidates,
                "top_ids": [gallery.name(int(place)) for place in places],
                "top_scores": joined[order].tolist(),
                "subset_ids": subset,
            }
        )
    return rows


def _subset(query: Mapping[str, Any], named: Positions, scored: Floats) -> list[str] | None:
    """The query's subset from best to worst, or None where it has none."""
    members = query.get("subset_ids")
    if members is None:
        return None
    first = len(query["target_ids"])
    order = sorted(range(len(members)), key=lambda i: (-scored[first + i], named[first + i]))
    return [members[i] for i in order]
