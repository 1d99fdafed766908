"""Rank a gallery for each query, keeping the rank of every ground truth.

A rank is counted, not sorted: one plus the number of candidates that score above, where an equal score counts as above
if its image comes earlier in the gallery. Where a benchmark's targets win ties they come first of all. The same rule
orders the best 50, so that both always agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cirque.errors import CirqueError, listed

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

#: Who wins a tie: the image that comes earlier in the gallery, or a query's target (GeneCIS, whose evaluation puts it
#: first of its candidates; spec data §6.3).
Ties = Literal["gallery", "target"]

#: How many of the best candidates a ranking names; every paper's server asks for 50 at most.
N_BEST = 50

#: Scores held at once: 2²⁶ floats are 256 MB. The chunks follow from the gallery's size alone, never from the machine.
SCORES_AT_ONCE = 2**26

#: Features whose norms are computed together.
ROWS_AT_ONCE = 2**13

#: Scores that share a maximum when the best are sought: 123,403 give 964 maxima, of which the best name few scores.
SCORES_A_MAXIMUM = 128


@dataclass(frozen=True)
class Gallery:
    """Candidate images in the order that breaks ties.

    Attributes:
        ids: image names [m]; unique within a group.
        features: L2-normalised image features [m, d].
        groups: group of each image [m]; a query is answered from its own group and from what is of no group ("").
    """

    ids: Sequence[str]
    features: Floats
    groups: Sequence[str]


def normalise(features: Floats, ids: Sequence[str]) -> Floats:
    """Divide each row of [n, d] by its L2 norm.

    Raises:
        CirqueError: a row is not finite or is zero; `ids` name it.
    """
    return np.asarray(features / _norms(features, ids), dtype=np.float32)


def normalise_in_place(features: Floats, ids: Sequence[str]) -> Floats:
    """`normalise`, in the memory of features that nobody reads again: a large gallery need not be held twice."""
    return np.divide(features, _norms(features, ids), out=features)


def _norms(features: Floats, ids: Sequence[str]) -> Floats:
    """L2 norm of each row [n, 1]; a row that has none is an error."""
    starts = range(0, max(1, len(features)), ROWS_AT_ONCE)  # NumPy's norm takes twice the memory of what it reads
    norms = np.concatenate(
        [np.linalg.norm(features[start : start + ROWS_AT_ONCE], axis=1, keepdims=True) for start in starts]
    )
    bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0)).tolist()
    if bad:
        names = listed([ids[i] for i in bad])
        raise CirqueError(f"{len(bad)} of {len(ids)} features are NaN, infinite or zero ({names}); make them again")
    return norms


def rank(
    queries: Sequence[Mapping[str, Any]],
    query_features: Floats,
    gallery: Gallery,
    remove_reference: bool,
    ties: Ties = "gallery",
) -> list[dict[str, Any]]:
    """Rank the gallery for every query.

    Args:
        queries: rows that fit `schemas.QUERIES`.
        query_features: what a method composed for them, L2-normalised [n, d].
        gallery: the candidates.
        remove_reference: whether a query's own reference is no candidate (CIRR) or is one (most benchmarks).
        ties: who wins them.

    Returns:
        Rows that fit `schemas.RANKINGS`, in the order of the queries.

    Raises:
        CirqueError: a target, reference, candidate or subset member is not in the gallery, or a feature is NaN.
    """
    _require_fit(queries, query_features, gallery)
    rows: dict[int, dict[str, Any]] = {}
    for group, numbers in _by_group([query["group"] or "" for query in queries]).items():
        ids, features = _members(gallery, group)
        if not ids:
            first = queries[numbers[0]]["query_id"]
            raise CirqueError(f"query {first}: the gallery has no image of its group {group!r}")
        candidates = _Candidates(ids, _positions(ids, group))
        shared = [i for i in numbers if queries[i]["candidate_ids"] is None]
        at_once = max(1, SCORES_AT_ONCE // len(ids))
        for start in range(0, len(shared), at_once):
            chunk = shared[start : start + at_once]
            scores = query_features[chunk] @ features.T
            for i, of_query in zip(chunk, scores, strict=True):
                rows[i] = _ranking(queries[i], of_query, candidates, remove_reference, ties)
        for i in set(numbers) - set(shared):
            own = candidates.only(queries[i])
            scores = features[[candidates.positions[name] for name in own.ids]] @ query_features[i]
            rows[i] = _ranking(queries[i], scores, own, remove_reference, ties)
    return [rows[i] for i in range(len(queries))]


@dataclass(frozen=True)
class _Candidates:
    """Names in gallery order, and where each stands in it."""

    ids: Sequence[str]
    positions: Mapping[str, int]

    def locate(self, name: str, role: str, query: Mapping[str, Any]) -> int:
        if name not in self.positions:
            raise CirqueError(
                f"query {query['query_id']}: its {role} {name!r} is not among its {len(self.ids)} candidates; "
                "the queries and the gallery must come from one split"
            )
        return self.positions[name]

    def only(self, query: Mapping[str, Any]) -> "_Candidates":
        """A query's own gallery, in gallery order. A name given twice is two candidates, as GeneCIS scores them."""
        ids = [self.ids[i] for i in sorted(self.locate(name, "candidate", query) for name in query["candidate_ids"])]
        return _Candidates.of(ids)

    @classmethod
    def of(cls, ids: Sequence[str]) -> "_Candidates":
        """Candidates in some order; of two with one name the first is the one that is located."""
        return cls(ids, {name: i for i, name in reversed(list(enumerate(ids)))})


def _targets_first(query: Mapping[str, Any], scores: Floats, candidates: _Candidates) -> tuple[Floats, _Candidates]:
    """Scores and candidates of a query with its targets before all others."""
    first = [candidates.locate(name, "target", query) for name in query["target_ids"]]
    order = [*first, *(i for i in range(len(scores)) if i not in set(first))]
    return scores[order], _Candidates.of([candidates.ids[i] for i in order])


def _ranking(
    query: Mapping[str, Any], scores: Floats, candidates: _Candidates, remove_reference: bool, ties: Ties
) -> dict[str, Any]:
    """One row of `schemas.RANKINGS` from the scores [m] of a query's candidates; overwrites the reference's score."""
    if ties == "target":
        scores, candidates = _targets_first(query, scores, candidates)
    n_candidates = len(scores)
    if remove_reference:
        require_apart(query)
        # Below every score, and never reached by the best: there are as many of them as candidates are left, at most.
        scores[candidates.locate(query["reference_id"], "reference", query)] = -np.inf
        n_candidates -= 1
    targets = [candidates.locate(name, "target", query) for name in query["target_ids"]]
    best = best_first(scores, min(N_BEST, n_candidates))
    subset = _subset(query, scores, candidates)
    return {
        "query_id": query["query_id"],
        "group": query["group"],
        "tags": query["tags"],
        "target_ranks": [count_rank(scores, target) for target in targets],
        "subset_rank": None if subset is None or not targets else subset_rank(query, subset),
        "n_candidates": n_candidates,
        "top_ids": [candidates.ids[i] for i in best],
        "top_scores": scores[best].tolist(),
        "subset_ids": subset,
    }


def require_apart(query: Mapping[str, Any]) -> None:
    """Refuse a query whose reference is one of its targets, where the protocol removes the reference."""
    if query["reference_id"] in query["target_ids"]:
        raise CirqueError(
            f"query {query['query_id']}: its reference {query['reference_id']!r} is also its target, "
            "but the protocol removes the reference"
        )


def count_rank(scores: Floats, position: int) -> int:
    """Rank, from 1, of the candidate at `position` among scores [m] in gallery order."""
    return 1 + count_above(scores, position, scores[position])


def count_above(scores: Floats, position: int, score: np.float32) -> int:
    """How many of scores [m] in gallery order come before one at `position`, which may lie outside them."""
    place = min(max(position, 0), len(scores))
    return int(np.count_nonzero(scores[:place] >= score)) + int(np.count_nonzero(scores[place:] > score))


def best_first(scores: Floats, k: int) -> Indices:
    """Positions of the k highest of scores [m], best first; of equal scores the earlier comes first."""
    # A stable sort of the few that reach a bound below the k-th score, ties included.
    reach = _reaching(scores, k) if k else np.arange(0)
    return np.asarray(reach[np.argsort(-scores[reach], kind="stable")[:k]], dtype=np.intp)


def _reaching(scores: Floats, k: int) -> Indices:
    """Positions, in order, of all scores [m] from some bound on that the k highest reach.

    The k-th highest of many maxima is such a bound: each of the k highest maxima is a score that reaches it. Only where
    the maximum reaches it are scores looked at again, which takes a third of the time of a partition of all.
    """
    width = len(scores) // SCORES_A_MAXIMUM
    if width < 2 * k:
        cut = len(scores) - k
        return np.flatnonzero(scores >= np.partition(scores, cut)[cut])
    table = scores[: width * SCORES_A_MAXIMUM].reshape(SCORES_A_MAXIMUM, width)
    maxima = table.max(axis=0)
    bound = np.partition(maxima, width - k)[width - k]
    columns = np.flatnonzero(maxima >= bound)
    rows, chosen = np.nonzero(table[:, columns] >= bound)
    rest = width * SCORES_A_MAXIMUM + np.flatnonzero(scores[width * SCORES_A_MAXIMUM :] >= bound)
    return np.concatenate([rows * width + columns[chosen], rest])


def _subset(query: Mapping[str, Any], scores: Floats, candidates: _Candidates) -> list[str] | None:
    """The query's subset from best to worst, or None where the benchmark has none."""
    if query["subset_ids"] is None:
        return None
    where = [candidates.locate(name, "subset member", query) for name in query["subset_ids"]]
    return [candidates.ids[i] for i in sorted(where, key=lambda i: (-scores[i], i))]


def subset_rank(query: Mapping[str, Any], subset: Sequence[str]) -> int:
    """Rank, from 1, of the first target within the subset."""
    target = query["target_ids"][0]
    if target not in subset:
        raise CirqueError(f"query {query['query_id']}: its target {target!r} is not a member of its subset")
    return subset.index(target) + 1


def _by_group(groups: Sequence[str]) -> dict[str, list[int]]:
    """Positions of each group's members."""
    found: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(group, []).append(i)
    return found


def _members(gallery: Gallery, group: str) -> tuple[Sequence[str], Floats]:
    """Names and features of what queries of a group are answered from: its own images and those of no group."""
    if {of or "" for of in set(gallery.groups)} <= {"", group}:
        return gallery.ids, gallery.features
    members = [i for i, of in enumerate(gallery.groups) if (of or "") in ("", group)]
    return [gallery.ids[i] for i in members], gallery.features[members]


def _positions(ids: Sequence[str], group: str) -> dict[str, int]:
    """Where each name stands; a name that stands twice is an error."""
    positions = dict(zip(ids, range(len(ids)), strict=True))
    if len(positions) < len(ids):
        twice = sorted({name for i, name in enumerate(ids) if positions[name] != i})
        where = f"gallery of group {group!r}" if group else "gallery"
        raise CirqueError(f"{where}: {len(twice)} names occur twice ({listed(twice)})")
    return positions


def _require_fit(queries: Sequence[Mapping[str, Any]], query_features: Floats, gallery: Gallery) -> None:
    """Refuse arrays of other lengths, other widths, or with values that cannot be compared."""
    if len(queries) != len(query_features) or len(gallery.ids) != len(gallery.features):
        raise CirqueError(
            f"{len(query_features)} query features for {len(queries)} queries, "
            f"{len(gallery.features)} gallery features for {len(gallery.ids)} images"
        )
    if query_features.shape[1] != gallery.features.shape[1]:
        raise CirqueError(
            f"query features have {query_features.shape[1]} components, gallery features {gallery.features.shape[1]}: "
            "they come from two backbones"
        )
    for what, features, names in (
        ("query", query_features, [query["query_id"] for query in queries]),
        ("gallery image", gallery.features, gallery.ids),
    ):
        with np.errstate(over="ignore", invalid="ignore"):
            suspects = np.flatnonzero(~np.isfinite(features.sum(axis=1)))  # one value a row, not one a component
        bad = suspects[~np.isfinite(features[suspects]).all(axis=1)].tolist()
        if bad:
            first = listed([names[i] for i in bad])
            raise CirqueError(f"the features of {len(bad)} of {len(names)} are NaN or infinite: {what} {first}")
