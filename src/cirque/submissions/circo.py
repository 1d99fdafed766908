"""CIRCO's server file for its test split: `{"query id": [the best 50 image ids], …}`, for all queries.

Ids are COCO's numbers. The official evaluation refuses a list that names an image twice; the reference may stand in it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cirque import submissions
from cirque.errors import CirqueError, listed

SPLIT = "test"
FILES = ("submission",)

#: The server names no limit; all 800 lists are below 400 kB.
MAX_BYTES = None

#: Ids a query.
LENGTH = 50


def contents(rankings: Sequence[Mapping[str, Any]], file: str = "submission") -> dict[str, Any]:
    """The file's content from rows of schemas.RANKINGS, in their order."""
    if file not in FILES:
        raise CirqueError(f"CIRCO: no server file is called {file!r}; there is {', '.join(FILES)}")
    return {row["query_id"]: [int(name) for name in row["top_ids"][:LENGTH]] for row in rankings}


def validate(content: object, queries: Sequence[Mapping[str, Any]], gallery: Sequence[str], source: Path) -> str:
    """Check a file's content against the split that it answers.

    Args:
        content: what the file holds.
        queries: rows of schemas.QUERIES, every query of the split.
        gallery: every image id.
        source: the file, for messages.

    Returns:
        What the file is fit for.

    Raises:
        CirqueError: the server would refuse the file or score it wrong; the first such queries are named.
    """
    if not isinstance(content, dict):
        raise CirqueError(f"{source}: expected one JSON object of query ids")
    wanted = [row["query_id"] for row in queries]
    submissions.require_queries(source, content, wanted, "queries")
    known = set(gallery)
    length = min(LENGTH, len(known))  # a small generated gallery has fewer
    faults = [f"query {query}: {fault}" for query in wanted if (fault := _fault(content[query], length, known))]
    if faults:
        raise CirqueError(f"{source}: {len(faults)} of {len(wanted)} answers are wrong: {'; '.join(faults[:3])}")
    return f"{length} image ids a query, scored by mAP@5, 10, 25 and 50"


def _fault(answer: object, length: int, gallery: set[str]) -> str | None:
    """What is wrong with one answer, or None; the evaluation takes numbers and their digits alike."""
    if not isinstance(answer, list) or not all(str(name).isdecimal() for name in answer):
        return "must be a list of image ids"
    names = [str(int(name)) for name in answer]
    if len(names) != length:
        return f"has {len(names)} ids, not {length}"
    if len(set(names)) != length:
        return f"names {listed(sorted({name for name in names if names.count(name) > 1}))} twice"
    unknown = [name for name in names if name not in gallery]
    return f"names {listed(unknown)}, not of COCO 2017 unlabeled" if unknown else None
