"""The files for the benchmarks' test servers, one module a data set, found by name.

A module has `SPLIT` (whose answers are hidden), `FILES` (names of the server files of a run), `contents` (a file's
content from rankings) and `validate` (what the server's rules allow to be checked beforehand).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from cirque.errors import CirqueError, listed
from cirque.families import SUBMISSIONS
from cirque.store import files


class Server(Protocol):
    """What each module of this folder offers."""

    SPLIT: str
    FILES: tuple[str, ...]
    MAX_BYTES: int | None

    def contents(self, rankings: Sequence[Mapping[str, Any]], file: str) -> dict[str, Any]:
        """Content of one of FILES from rows of schemas.RANKINGS, in their order."""

    def validate(
        self, content: object, queries: Sequence[Mapping[str, Any]], gallery: Sequence[str], source: Path
    ) -> str:
        """What a file is fit for; refuses what the server would refuse or score wrong."""


def names() -> list[str]:
    """Every data set with a test server."""
    return SUBMISSIONS.names()


def load(dataset: str) -> Server:
    """The module of a data set's server.

    Raises:
        CirqueError: it has none.
    """
    if dataset not in names():
        raise CirqueError(f"data set {dataset}: has no test server; there are {listed(names(), 99)}")
    return cast(Server, SUBMISSIONS.load(dataset))


def write(path: Path, content: Mapping[str, Any], server: Server) -> None:
    """Write a server file without spaces, which cost a tenth of CIRR's 5 MB.

    Raises:
        CirqueError: it is larger than the server takes.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
    _require_size(path, len(text.encode()), server)
    files.write_text(path, text)


def write_all(
    dataset: str,
    rankings: Sequence[Mapping[str, Any]],
    queries: Sequence[Mapping[str, Any]],
    gallery: Sequence[str],
    paths: Mapping[str, Path],
) -> None:
    """Turn rankings into the files for a test server, each checked before any is written.

    Args:
        dataset: module of this package.
        rankings: rows of schemas.RANKINGS of a method.
        queries: rows of schemas.QUERIES of the benchmark.
        gallery: names of its candidates.
        paths: where each of the server's FILES goes.
    """
    server = load(dataset)
    ready = {path: server.contents(rankings, file) for file, path in paths.items()}
    for path, content in ready.items():
        server.validate(content, queries, gallery, path)
    for path, content in ready.items():
        write(path, content, server)


def read(path: Path, server: Server) -> Any:
    """Read a server file; a key that occurs twice is an error.

    Raises:
        CirqueError: it is missing, broken or larger than the server takes.
    """
    content = files.read_json(path)
    _require_size(path, path.stat().st_size, server)
    return content


def _require_size(path: Path, n_bytes: int, server: Server) -> None:
    if server.MAX_BYTES is not None and n_bytes > server.MAX_BYTES:
        raise CirqueError(f"{path}: {n_bytes:,} bytes; the server takes {server.MAX_BYTES:,} at most")


def require_queries(source: Path, answers: Mapping[str, object], wanted: Sequence[str], what: str) -> None:
    """Refuse a file that does not answer every query of the split and no other.

    Args:
        source: the file, for the message.
        answers: what it holds, by query.
        wanted: every query of the split.
        what: a query is, for the message: `pair`.
    """
    known = set(wanted)
    missing = [query for query in wanted if query not in answers]
    extra = [key for key in answers if key not in known]
    if missing or extra:
        raise CirqueError(
            f"{source}: lacks {len(missing)} of {len(wanted)} {what} ({listed(missing)}) and has {len(extra)} that the "
            f"split has not ({listed(extra)})"
        )
