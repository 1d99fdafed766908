"""CIRR's two server files for test1, written from rankings, and the checks that the server's rules allow beforehand.

A file is a JSON object: `"version": "rc2"`, `"metric": "recall"` or `"recall_subset"`, and for every pair id, as a
string, the best image names: 50 of the gallery without the reference, or 3 of the image set's five others. The server
takes 5 MB at most. It divides by 4,150, counting the two other keys as queries (docs/data.md#cirr-submission).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cirque import submissions
from cirque.errors import CirqueError, listed

#: What a file is scored for, and called.
Metric = Literal["recall", "recall_subset"]

SPLIT = "test1"
FILES: tuple[Metric, ...] = ("recall", "recall_subset")

VERSION = "rc2"

#: Names a query, by metric.
LENGTH: dict[Metric, int] = {"recall": 50, "recall_subset": 3}

MAX_BYTES = 5_000_000


@dataclass(frozen=True)
class Pair:
    """What a query's answer may name: all of the gallery but its reference, or the other members of its image set."""

    reference_id: str
    subset_ids: Sequence[str]


def pairs_of(queries: Sequence[Mapping[str, Any]]) -> dict[str, Pair]:
    """Query id → what may be answered, from rows of schemas.QUERIES.

    Raises:
        CirqueError: a query has no image set, so it is not of CIRR.
    """
    without = [row["query_id"] for row in queries if not row["subset_ids"]]
    if without:
        raise CirqueError(f"{len(without)} queries have no image set ({listed(without)}); only CIRR has such a server")
    return {row["query_id"]: Pair(row["reference_id"], row["subset_ids"]) for row in queries}


def contents(rankings: Sequence[Mapping[str, Any]], file: str) -> dict[str, Any]:
    """The content of `recall` or `recall_subset` from rows of schemas.RANKINGS, in their order."""
    metric = _known(file, "CIRR: a server file")
    column = "top_ids" if metric == "recall" else "subset_ids"
    length = LENGTH[metric]
    answers = {row["query_id"]: list(row[column] or [])[:length] for row in rankings}
    return {"version": VERSION, "metric": metric, **answers}


def validate(content: object, queries: Sequence[Mapping[str, Any]], gallery: Sequence[str], source: Path) -> str:
    """Check a file's content against the split that it answers.

    Args:
        content: what the file holds.
        queries: rows of schemas.QUERIES, every query of the split.
        gallery: every image name of the split.
        source: the file, for messages.

    Returns:
        What the file is fit for.

    Raises:
        CirqueError: the server would refuse the file or score it wrong; the first such pairs are named.
    """
    if not isinstance(content, dict):
        raise CirqueError(f"{source}: expected one JSON object of pair ids")
    metric = _metric(content, source)
    answers = {key: value for key, value in content.items() if key not in ("version", "metric")}
    pairs = pairs_of(queries)
    submissions.require_queries(source, answers, list(pairs), "pairs")
    known = set(gallery)
    faults = [f"pair {pair}: {fault}" for pair in pairs if (fault := _fault(metric, answers[pair], pairs[pair], known))]
    if faults:
        raise CirqueError(f"{source}: {len(faults)} of {len(pairs)} answers are wrong: {'; '.join(faults[:3])}")
    return f"{LENGTH[metric]} names each, scored for {metric}"


def _metric(content: Mapping[str, Any], source: Path) -> Metric:
    """The metric of a file, once version and metric are as the server wants them."""
    if content.get("version") != VERSION:
        raise CirqueError(f'{source}: has no "version": "{VERSION}"; found {content.get("version")!r:.40}')
    return _known(content.get("metric"), f"{source}: metric")


def _known(name: object, what: str) -> Metric:
    """One of FILES."""
    for metric in FILES:
        if name == metric:
            return metric
    raise CirqueError(f"{what} must be {' or '.join(FILES)}; found {name!r:.40}")


def _fault(metric: Metric, names: object, pair: Pair, gallery: set[str]) -> str | None:
    """What is wrong with one answer, or None."""
    allowed = gallery if metric == "recall" else set(pair.subset_ids)
    wanted = min(LENGTH[metric], len(allowed - {pair.reference_id}))  # a small generated gallery has fewer than 50
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "must be a list of image names"
    if len(names) != wanted:
        return f"has {len(names)} names, not {wanted}"
    if len(set(names)) != wanted:
        return f"names {listed(sorted({name for name in names if names.count(name) > 1}))} twice"
    if pair.reference_id in names:
        return f"names its own reference {pair.reference_id}"
    where = "the split" if metric == "recall" else "the other members of its image set"
    unknown = [name for name in names if name not in allowed]
    return f"names {listed(unknown)}, not of {where}" if unknown else None
