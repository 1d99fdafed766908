"""What others computed, as rankings of a benchmark: features, or lists of the best images of each query.

    composed = features(Path("q.npy"), query_ids, "query")  # [n_queries, d]
    rows, depth = of_lists(path, lists(path)[0], queries, gallery, remove_reference=True)

Features are `.npy` [n, d] in the benchmark's order, or Parquet (ids in the first column, lists of numbers in the
second) or safetensors (one tensor, and the key `ids` of its metadata: a JSON list) in any order. Lists are a TREC run,
or the file for CIRR's or CIRCO's test server. Nothing here needs torch.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors
from safetensors.numpy import load_file

from cirque.errors import CirqueError, listed
from cirque.evaluation.ranking import Gallery, Ties
from cirque.progress import say
from cirque.store import arrays, files, provenance, schemas

Floats = npt.NDArray[np.float32]

#: Best images of each query, best first.
Lists = dict[str, list[str]]

#: Keys of CIRR's server files that are no pair ids.
_CIRR_KEYS = ("version", "metric")

#: The file of CIRR's server that ranks the members of a query's image set, and not the gallery.
SUBSET = "recall_subset"


# ---- features ------------------------------------------------------------------------------------------------------


def features(path: Path, ids: Sequence[str], what: str) -> Floats:
    """Features [n, d] in the order of some ids.

    Args:
        path: .npy, .parquet or .safetensors.
        ids: of the benchmark's queries or images, in its order.
        what: they are, for messages: query, image.

    Raises:
        CirqueError: the file cannot be read, its shape does not fit, or an id is missing, twice or unknown.
    """
    readers: Mapping[str, Callable[[Path], tuple[list[str] | None, Any]]] = {
        ".npy": _of_npy, ".parquet": _of_parquet, ".safetensors": _of_safetensors
    }  # fmt: skip
    if path.suffix not in readers:
        raise CirqueError(f"{path}: features are {', '.join(readers)}, not {path.suffix or 'a file without ending'}")
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; it should hold the features of each {what}")
    own, found = readers[path.suffix](path)
    array = np.asarray(found, dtype=np.float32)
    if array.ndim != 2 or (own is None and len(array) != len(ids)):
        raise CirqueError(
            f"{path}: holds an array of shape {list(array.shape)}, but the benchmark has {len(ids):,}; give one row for"
            f" each {what}, in the benchmark's order, or a file with ids"
        )
    return array if own is None else array[_order(path, own, ids, what)]


def _order(path: Path, own: Sequence[str], ids: Sequence[str], what: str) -> list[int]:
    """Rows of the file in the order of the benchmark."""
    place = {name: row for row, name in enumerate(own)}
    require_ids(path, own, ids, what)
    return [place[name] for name in ids]


def require_ids(path: Path, own: Sequence[str], ids: Sequence[str], what: str) -> None:
    """Refuse a file whose ids are not the benchmark's.

    Raises:
        CirqueError: names those that are missing, twice or unknown.
    """
    known, found = set(ids), set(own)
    twice = [name for name in dict.fromkeys(own) if own.count(name) > 1] if len(found) < len(own) else []
    faults = {
        "missing": [name for name in dict.fromkeys(ids) if name not in found],
        "twice": twice,
        "unknown": [name for name in own if name not in known],
    }
    said = [f"{len(names):,} {fault} ({listed(names)})" for fault, names in faults.items() if names]
    if said:
        raise CirqueError(f"{path}: of the ids of each {what} {', '.join(said)}; the benchmark has {len(known):,}")


def _of_npy(path: Path) -> tuple[None, Any]:
    return None, arrays.read(path, "write it with numpy.save")


def _of_parquet(path: Path) -> tuple[list[str], Any]:
    table = _table(path)
    if table.num_columns < 2:
        raise CirqueError(f"{path}: needs two columns, ids and lists of numbers; it has {table.num_columns}")
    try:
        return [str(name) for name in table[0].to_pylist()], np.array(table[1].to_pylist(), dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise CirqueError(f"{path}: its second column holds no lists of numbers of one length") from error


def _of_safetensors(path: Path) -> tuple[list[str] | None, Any]:
    try:
        tensors = load_file(path)
        with safetensors.safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
        ids = json.loads(metadata["ids"]) if "ids" in metadata else None
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CirqueError(f"{path}: no whole safetensors file with a JSON list of ids ({error})") from error
    if ids is not None and not isinstance(ids, list):
        raise CirqueError(f"{path}: the key ids of its metadata is no JSON list, but {ids!r:.80}")
    if len(tensors) != 1:
        raise CirqueError(f"{path}: holds {len(tensors)} tensors ({listed(list(tensors))}); give one")
    return None if ids is None else [str(name) for name in ids], next(iter(tensors.values()))


def _table(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise CirqueError(f"{path}: no whole Parquet file ({str(error).splitlines()[0]})") from error


# ---- rankings ------------------------------------------------------------------------------------------------------


def ranking(
    path: Path,
    queries: Sequence[Mapping[str, Any]],
    gallery: Gallery,
    metrics: Sequence[str],
    *,
    remove_reference: bool,
    ties: Ties = "gallery",
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of `schemas.RANKINGS` of a file that others made, and those of some metrics that it can tell.

    Args:
        path: Parquet as `schemas.RANKINGS`, or what `lists` reads.
        queries: rows of `schemas.QUERIES`.
        gallery: the benchmark's candidates; the features are not read.
        metrics: of the benchmark.
        remove_reference: whether a query's own reference is no candidate.
        ties: who wins the equal scores of a TREC run.

    Raises:
        CirqueError: the file cannot be read, or does not fit the benchmark.
    """
    provenance.read(path)
    if path.suffix == ".parquet":
        return checked(path, files.read_table(path, schemas.RANKINGS.names).to_pylist(), queries), list(metrics)
    winners = {query["query_id"]: query["target_ids"] for query in queries} if ties == "target" else {}
    found, kind = lists(path, gallery.ids, winners)
    if kind == SUBSET:
        return of_subsets(path, found, queries), [name for name in metrics if name.startswith("R_subset@")]
    rows, depth = of_lists(path, found, queries, gallery, remove_reference)
    possible = [name for name in metrics if not name.startswith("R_subset@") and _rank(name) <= depth]
    left_out = [name for name in metrics if name not in possible]
    if left_out:
        say(f"{path}: its lists end at rank {depth}, and rank no image set by itself: no {', '.join(left_out)}")
    return rows, possible


def _rank(metric: str) -> int:
    """The K of a metric: 10 of mAP@10[negation]; an accuracy looks at the first alone."""
    return int(metric.partition("@")[2].partition("[")[0] or 1)


# ---- lists of the best ----------------------------------------------------------------------------------------------


def lists(path: Path, gallery: Sequence[str], winners: Mapping[str, Sequence[str]] | None = None) -> tuple[Lists, str]:
    """The best images of each query, and which ranking they are: of the gallery (""), or SUBSET.

    Args:
        path: .json, CIRR's or CIRCO's server file; any other is a TREC run: `query Q0 image rank score tag`.
        gallery: image ids in the order that breaks the ties of a TREC run.
        winners: images of each query that win such a tie, whatever the gallery's order.

    Raises:
        CirqueError: the file is none of these.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CirqueError(f"{path}: cannot be read ({error})") from error
    if path.suffix != ".json":
        return _of_trec(path, text, gallery, winners or {}), ""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise CirqueError(f"{path}: no JSON ({error})") from error
    if not isinstance(content, dict):
        raise CirqueError(f"{path}: expected one JSON object of query ids and lists, as the test servers take it")
    found: Lists = {}
    for query, names in content.items():
        if query not in _CIRR_KEYS:
            if not isinstance(names, list):
                raise CirqueError(f"{path}: query {query}: {names!r:.80} is no list of images")
            found[query] = [str(name) for name in names]
    return found, SUBSET if content.get("metric") == SUBSET else ""


def _of_trec(path: Path, text: str, gallery: Sequence[str], winners: Mapping[str, Sequence[str]]) -> Lists:
    """Images of each query by falling score, not by the ranks; of equal ones winners first, then by the gallery."""
    place = {name: number for number, name in reversed(list(enumerate(gallery)))}
    scored: dict[str, list[tuple[float, str]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            query, _, image, _, score, _ = words
            value = float(score)
        except ValueError as error:
            raise CirqueError(
                f"{path}, line {number}: expected `query Q0 image rank score tag`, found {line!r:.120}"
            ) from error
        if np.isnan(value):
            raise CirqueError(f"{path}, line {number}: its score is no number")
        scored.setdefault(query, []).append((value, image))
    return {
        query: [image for *_, image in sorted(_by_score(of, set(winners.get(query, ())), place))]
        for query, of in scored.items()
    }


def _by_score(
    scored: Sequence[tuple[float, str]], winners: set[str], place: Mapping[str, int]
) -> list[tuple[float, bool, int, str]]:
    """Images of a query with what they are sorted by."""
    return [(-score, image not in winners, place.get(image, len(place)), image) for score, image in scored]


def of_lists(
    path: Path, found: Lists, queries: Sequence[Mapping[str, Any]], gallery: Gallery, remove_reference: bool
) -> tuple[list[dict[str, Any]], int]:
    """Rows of `schemas.RANKINGS` of lists, and down to which rank every list goes.

    A ground truth that a list does not name has the last rank there is: metrics beyond the lists' end are not to be
    computed.

    Args:
        path: of the lists, for messages.
        found: the best images of each query.
        queries: rows of `schemas.QUERIES`.
        gallery: its candidates; the features are not read.
        remove_reference: whether a query's own reference is no candidate.

    Raises:
        CirqueError: a query is missing or unknown, or a list names an image twice, or one that is no candidate.
    """
    require_ids(path, list(found), [query["query_id"] for query in queries], "query")
    of_group: dict[str, Counter[str]] = {}
    for name, group in zip(gallery.ids, gallery.groups, strict=True):
        of_group.setdefault(group, Counter())[name] += 1
    rows, depth = [], []
    for query in queries:
        # A name that is given twice is two candidates, as GeneCIS has them.
        own = Counter(query["candidate_ids"] or ())
        candidates = own or of_group.get(query["group"] or "", Counter()) | of_group.get("", Counter())
        n_candidates = candidates.total() - (1 if remove_reference else 0)
        best = found[query["query_id"]]
        named = Counter(best)
        known = {name: n for name, n in candidates.items() if not remove_reference or name != query["reference_id"]}
        unknown = [name for name in named if name not in known]
        if unknown or any(n > known[name] for name, n in named.items()):
            fault = f"names {listed(unknown)}, no candidates of it" if unknown else "names an image twice"
            raise CirqueError(f"{path}: query {query['query_id']} {fault}")
        place = {name: rank for rank, name in reversed(list(enumerate(best, start=1)))}
        depth.append(len(best) if len(best) < n_candidates else np.iinfo(np.int32).max)
        rows.append(
            {
                "query_id": query["query_id"],
                "group": query["group"],
                "tags": query["tags"],
                "target_ranks": [place.get(name, n_candidates) for name in query["target_ids"]],
                "subset_rank": None,
                "n_candidates": n_candidates,
                "top_ids": best[:50],
                "top_scores": [float(-rank) for rank in range(1, len(best[:50]) + 1)],
                "subset_ids": None,
            }
        )
    return rows, min(depth)


def checked(
    path: Path, rows: Sequence[Mapping[str, Any]], queries: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of `schemas.RANKINGS` in the order of the benchmark, whose groups and tags they get.

    Raises:
        CirqueError: a query is missing, twice or unknown, or its ranks are not where its list has the ground truths.
    """
    require_ids(path, [row["query_id"] for row in rows], [query["query_id"] for query in queries], "query")
    of_query = {row["query_id"]: row for row in rows}
    found = []
    for query in queries:
        row = of_query[query["query_id"]]
        best, ranks = row["top_ids"], row["target_ranks"]
        place = {name: rank for rank, name in reversed(list(enumerate(best, start=1)))}
        fits = len(ranks) == len(query["target_ids"]) and all(
            place.get(name, rank) == rank and len(best) * (name not in place) < rank <= row["n_candidates"]
            for name, rank in zip(query["target_ids"], ranks, strict=True)
        )
        if not fits:
            raise CirqueError(
                f"{path}: query {query['query_id']}: target_ranks {ranks} do not fit its top_ids and the"
                f" {len(query['target_ids'])} ground truths of the benchmark; it may be of another version of it"
            )
        found.append({**row, "group": query["group"], "tags": query["tags"]})
    return found


def of_subsets(path: Path, found: Lists, queries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `schemas.RANKINGS` that rank the members of each query's image set alone (CIRR's `recall_subset`).

    Raises:
        CirqueError: a query is missing, unknown or has no image set, or a list names what is no member, or one twice.
    """
    require_ids(path, list(found), [query["query_id"] for query in queries], "query")
    rows = []
    for query in queries:
        best, members = found[query["query_id"]], query["subset_ids"] or []
        unknown = [name for name in best if name not in members]
        if unknown or len(set(best)) < len(best):
            fault = f"names {listed(unknown)}, not of its image set" if unknown else "names an image twice"
            raise CirqueError(f"{path}: query {query['query_id']} {fault}")
        targets = [name for name in query["target_ids"] if name in best]
        last = len(members)
        rows.append(
            {
                "query_id": query["query_id"],
                "group": query["group"],
                "tags": query["tags"],
                "target_ranks": [last for _ in query["target_ids"]],
                "subset_rank": min((best.index(name) + 1 for name in targets), default=last)
                if query["target_ids"]
                else None,
                "n_candidates": last,
                "top_ids": best,
                "top_scores": [float(-rank) for rank in range(1, len(best) + 1)],
                "subset_ids": best,
            }
        )
    return rows
