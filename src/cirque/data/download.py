"""Downloads that can be trusted: resumed where they broke off, from mirrors in turn, and checked before they count.

What came of a file waits beside it under a hidden name until it is whole and its checksum is right; so a kill or a
broken connection costs nothing, and a wrong file never gets its name. Files that need a signed form are not downloaded:
their entry says how a person gets them.
"""

import csv
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cirque import __version__
from cirque.errors import CirqueError
from cirque.progress import progress, say
from cirque.store import files, provenance

COLUMNS = (
    "dataset",
    "split",
    "file",
    "url",
    "mirrors",
    "bytes",
    "sha256",
    "git_blob",
    "licence",
    "gated",
    "note",
)

#: Failures in a row, without a byte in between, before the next mirror is tried.
ATTEMPTS = 4

#: Seconds before the second attempt; doubled before each further one.
PAUSE = 2.0

#: Seconds without a byte that count as a broken connection.
TIMEOUT = 60.0

#: Answers that may be different a moment later.
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}

_CHUNK = 2**20


@dataclass(frozen=True)
class Entry:
    """One file of the registry (config/datasets.tsv)."""

    dataset: str  # module of cirque.datasets, and anchor of docs/data.md
    file: str  # relative to the data root; a folder ends in /
    urls: tuple[str, ...]  # the source first, then its mirrors
    n_bytes: int | None
    sha256: str
    git_blob: str  # what `git hash-object` prints, where a git repository is the source
    licence: str
    gated: bool  # whether a person has to ask for it
    note: str

    @property
    def is_fetched(self) -> bool:
        """Whether a rule fetches it; else a person has to bring it."""
        return bool(self.urls) and not self.gated


class _Unavailable(Exception):  # noqa: N818  (its message is what counts)
    """An address that does not give the file."""


# ---- registry ------------------------------------------------------------------------------------------------------


def read_registry(path: Path) -> dict[str, Entry]:
    """Entries by file.

    Raises:
        CirqueError: a column is missing, a file has two rows, or a row could not be checked once downloaded.
    """
    provenance.read(path)
    entries: dict[str, Entry] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise CirqueError(f"{path}: its columns must be {', '.join(COLUMNS)}")
            for row in reader:
                entry = _entry(path, reader.line_num, row)
                if entry.file in entries:
                    raise CirqueError(f"{path}, line {reader.line_num}: {entry.file} has two rows; keep one")
                entries[entry.file] = entry
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CirqueError(f"{path}: is no table of data sets ({error}); it must be UTF-8, TAB-separated") from error
    return entries


def _entry(path: Path, line: int, row: dict[str, str]) -> Entry:
    where = f"{path}, line {line}"
    if None in row or None in row.values():
        raise CirqueError(f"{where}: must have {len(COLUMNS)} columns, separated by tabs")
    urls = tuple(filter(None, (row["url"], *row["mirrors"].split())))
    if any(not url.startswith(("https://", "http://")) for url in urls):
        raise CirqueError(f"{where}: an address must begin with https:// or http://")
    if row["gated"] not in ("yes", "no") or not (row["bytes"].isdigit() or not row["bytes"]):
        raise CirqueError(f"{where}: gated must be yes or no, and bytes a whole number or nothing")
    if row["gated"] == "no" and not (urls and (row["sha256"] or row["git_blob"])):
        raise CirqueError(f"{where}: a file that is not gated needs a url, and a sha256 or git_blob to check it by")
    return Entry(
        dataset=row["dataset"],
        file=row["file"],
        urls=urls,
        n_bytes=int(row["bytes"]) if row["bytes"] else None,
        sha256=row["sha256"],
        git_blob=row["git_blob"],
        licence=row["licence"],
        gated=row["gated"] == "yes",
        note=row["note"],
    )


# ---- checks --------------------------------------------------------------------------------------------------------


def fault_of(path: Path, entry: Entry) -> str | None:
    """Why a file is not the one of the registry, or None."""
    size = path.stat().st_size
    if entry.n_bytes is not None and size != entry.n_bytes:
        return f"has {size:,} bytes instead of {entry.n_bytes:,}"
    for kind, wanted in (("sha256", entry.sha256), ("git_blob", entry.git_blob)):
        if wanted and (found := _checksum(path, kind)) != wanted:
            return f"has the {kind} {found} instead of {wanted}"
    return None


def _checksum(path: Path, kind: str) -> str:
    with path.open("rb") as stream:
        if kind == "sha256":
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)  # as git computes it
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
        return digest.hexdigest()


# ---- fetching ------------------------------------------------------------------------------------------------------


def fetch(entry: Entry, output: Path, pause: float = PAUSE) -> None:
    """Bring a file to `output`, unless the right one lies there already.

    Args:
        entry: what to get and how to check it.
        output: where to put it.
        pause: seconds before the second attempt.

    Raises:
        CirqueError: a person has to get it, or no address gave the right file.
    """
    fault = "is not there"
    if output.is_dir() and entry.file.endswith("/"):
        return
    if output.is_file():
        fault = fault_of(output, entry) or ""
        if not fault:
            say(f"{output}: here already, {_checked_by(entry)} right")
            return
        if not entry.gated:  # it may be a person's own: no file of a rule gets its name before it was checked
            raise CirqueError(
                f"{output}: {fault}, so it is not the released file; it stays as it is. Give it another name and run"
                " again to fetch the released one"
            )
    if entry.gated:
        raise CirqueError(
            f"{output}: {fault}, and only a person can get it ({entry.licence}). {entry.note}. "
            f"See docs/data.md#{entry.dataset}"
        )
    partial = output.with_name(f".{output.name}.download")
    partial.parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for url in entry.urls:
        try:
            _from_one_address(url, partial, entry, pause)
        except _Unavailable as problem:
            problems.append(f"{url} {problem}")
            continue
        with files.atomic(output) as place:
            partial.replace(place)
        say(f"{output}: {output.stat().st_size:,} bytes from {url}, {_checked_by(entry)} right")
        return
    raise CirqueError(
        f"{output}: no address gave the file: {'; '.join(problems)}. Run again to go on where it stopped, or put the "
        f"file there yourself; see docs/data.md#{entry.dataset}"
    )


def _checked_by(entry: Entry) -> str:
    kinds = (("size", entry.n_bytes), ("sha256", entry.sha256), ("git blob id", entry.git_blob))
    return ", ".join(kind for kind, value in kinds if value)


def _from_one_address(url: str, partial: Path, entry: Entry, pause: float) -> None:
    """Download to `partial` and check it; what is wrong is removed, what is only broken off is kept."""
    continued = _size(partial) > 0
    try:
        _download(url, partial, entry, pause)
        fault = fault_of(partial, entry)
        if fault and continued:  # perhaps only what an earlier run or another mirror left was wrong
            partial.unlink()
            _download(url, partial, entry, pause)
            fault = fault_of(partial, entry)
    except OSError as error:  # the network's own errors were dealt with: this is the disk
        partial.unlink(missing_ok=True)
        raise CirqueError(f"{partial}: could not be written ({error.strerror or error}); nothing was left") from error
    if fault:
        partial.unlink()
        raise _Unavailable(f"{fault}: not the file wanted, and removed")


def _download(url: str, partial: Path, entry: Entry, pause: float) -> None:
    """Receive until the file is whole; attempts count anew after each that brought some bytes."""
    failures, began_anew = 0, False
    while failures < ATTEMPTS:
        before = _size(partial)
        try:
            return _receive(url, partial, entry)
        except urllib.error.HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                partial.unlink()  # the server's file ends before ours: begin anew, and no second time
                if began_anew:
                    raise _Unavailable("states a length that it does not send") from error
                began_anew = True
            elif error.code not in TRANSIENT:
                raise _Unavailable(f"answered {error.code} {error.reason}") from error
            problem = f"answered {error.code} {error.reason}"
        except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
            problem = str(error) or type(error).__name__
        failures = 0 if _size(partial) > before else failures + 1
        wait = pause * 2 ** max(failures - 1, 0)
        say(f"{url}: {problem}; {_size(partial):,} bytes so far, again in {wait:g} s")
        time.sleep(wait)
    raise _Unavailable(f"failed {ATTEMPTS} times in a row ({problem})")


def _receive(url: str, partial: Path, entry: Entry) -> None:
    """One request, for what is missing of `partial`."""
    start = _size(partial)
    if start and start == entry.n_bytes:
        return
    headers = {"User-Agent": f"cirque/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _Unavailable("answered with another range than asked for")
        start = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdecimal() else None
        if entry.n_bytes is not None and total not in (None, entry.n_bytes):
            raise _Unavailable(f"offers {total:,} bytes instead of {entry.n_bytes:,}")
        with partial.open("ab" if start else "wb") as stream:
            received = _copy(response, stream, entry, start, total)
    if entry.n_bytes is not None and received > entry.n_bytes:
        partial.unlink()
        raise _Unavailable(f"sends more than {entry.n_bytes:,} bytes; what came was removed")
    if total is not None and received < total:
        raise ConnectionError(f"the connection ended at {received:,} of {total:,} bytes")


def _copy(response: BinaryIO, stream: BinaryIO, entry: Entry, start: int, total: int | None) -> int:
    """Copy a response to a file with progress in MB; returns the bytes that the file then has.

    Without an end in sight it stops soon after the file should have ended.
    """
    received = start
    bar: Any = progress(total=total and -(-total // 10**6), what=entry.file, unit="MB", initial=start // 10**6)
    with bar:
        while chunk := _chunk(response):
            stream.write(chunk)
            received += len(chunk)
            bar.update(received // 10**6 - bar.n)
            if entry.n_bytes is not None and received > entry.n_bytes:
                break
    return received


def _chunk(response: BinaryIO) -> bytes:
    """What comes next, nothing at the end; an error of the system is the network's here, not the disk's."""
    try:
        return response.read(_CHUNK)
    except OSError as error:
        raise ConnectionError(str(error) or type(error).__name__) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
