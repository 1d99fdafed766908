"""Servers that stall, lie and change their minds: the right file, or a sentence and nothing wrong in its place.

What `tests/data/test_download.py` states is not said again: dropped connections, servers without ranges, leftovers of
other files, busy and silent servers, a wrong size that is announced, a wrong checksum at the source, a full disk.
"""

import contextlib
import hashlib
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from cirque.data import download
from cirque.data.download import fetch
from cirque.errors import CirqueError
from tests.data.test_download import CONTENT, Handler, Server, entry, once_then, partial, ranged, server, whole

__all__ = ["server"]

HTML = b"<!doctype html><title>Log in</title><p>Please log in to go on." + b" " * 3000


def unannounced(handler: Handler, content: bytes) -> None:
    """Answers with everything and says nothing of its length: the end of the connection is the end."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(ConnectionError):
        handler.wfile.write(content)


def overstated(handler: Handler, by: int) -> None:
    """States more bytes than there are; what is asked for behind the end is refused."""
    asked = handler.headers.get("Range")
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
    if start >= len(CONTENT):
        handler.send_error(416)
        return
    handler.send_response(206 if asked else 200)
    if asked:
        handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) + by - 1}/{len(CONTENT) + by}")
    handler.send_header("Content-Length", str(len(CONTENT) - start + by))
    handler.end_headers()
    handler.wfile.write(CONTENT[start:])


# ---- stalls ----------------------------------------------------------------------------------------------------------


def test_a_server_that_stalls_amid_the_file_is_asked_for_the_rest(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    over = threading.Event()

    def stalls(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[: 2 << 20])
        handler.wfile.flush()
        over.wait(30)

    server.answers["/x"] = once_then(stalls, ranged)
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    over.set()
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked == [("/x", None), ("/x", f"bytes={2 << 20}-")]


@pytest.mark.parametrize("error", [ssl.SSLError("bad record mac"), OSError(113, "No route to host")], ids=repr)
def test_a_network_that_fails_amid_the_file_is_not_taken_for_the_disk(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
):
    class Failing:
        """A response that breaks after its first part."""

        def __init__(self, response: Any) -> None:
            self.response, self.parts = response, 0

        def read(self, size: int) -> bytes:
            self.parts += 1
            if self.parts > 1:
                raise error
            found: bytes = self.response.read(size)
            return found

    copy, broken = download._copy, iter([True])
    monkeypatch.setattr(
        download, "_copy", lambda response, *rest: copy(Failing(response) if next(broken, False) else response, *rest)
    )
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked == [("/x", None), ("/x", f"bytes={1 << 20}-")]


# ---- lies about the length -------------------------------------------------------------------------------------------


def test_a_server_that_overstates_the_length_is_given_up_and_not_asked_for_ever(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: overstated(h, by=100)
    with pytest.raises(CirqueError, match="states a length that it does not send"):
        fetch(entry(server.url("/x"), n_bytes=None), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 4


def test_a_server_that_understates_the_length_gives_no_file(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: whole(h, CONTENT[:-100])
    with pytest.raises(CirqueError, match="has the sha256"):
        fetch(entry(server.url("/x"), n_bytes=None), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_stated_length_or_with_one_that_is_no_number_arrives(server: Server, tmp_path: Path):
    def no_number(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "many")
        handler.end_headers()
        handler.wfile.write(CONTENT)

    server.answers["/x"] = lambda h: unannounced(h, CONTENT)
    server.answers["/y"] = no_number
    for name in ("x", "y"):
        fetch(entry(server.url(f"/{name}")), tmp_path / name, pause=0)
        assert (tmp_path / name).read_bytes() == CONTENT


def test_a_server_without_an_end_does_not_fill_the_disk(server: Server, tmp_path: Path):
    sent = 0

    def endless(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            while sent < 50 * len(CONTENT):
                sent += handler.wfile.write(CONTENT)

    server.answers["/x"] = endless
    with pytest.raises(CirqueError, match="sends more than 3,072,000 bytes; what came was removed"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []
    assert sent < 50 * len(CONTENT)


# ---- other files -----------------------------------------------------------------------------------------------------


def test_a_file_that_changes_between_two_ranges_is_fetched_whole_from_the_mirror(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), lambda h: ranged(h, CONTENT[::-1]))
    server.answers["/mirror"] = ranged
    fetch(entry(server.url("/x"), server.url("/mirror")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked[-1] == ("/mirror", None)  # nothing of the mixture is used


def test_a_file_that_changes_between_two_runs_is_fetched_anew(server: Server, tmp_path: Path):
    partial(tmp_path / "x.bin").write_bytes(CONTENT[::-1][:1_000_000])
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked == [("/x", "bytes=1000000-"), ("/x", None)]


def test_another_range_than_asked_for_is_refused_and_what_came_is_kept(server: Server, tmp_path: Path):
    def elsewhere(handler: Handler) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(CONTENT)

    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), elsewhere)
    with pytest.raises(CirqueError, match="answered with another range than asked for"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert partial(tmp_path / "x.bin").read_bytes() == CONTENT[:1_000_000]


@pytest.mark.parametrize("n_bytes", [len(CONTENT), None], ids=["size known", "checksum alone"])
@pytest.mark.parametrize("answer", [whole, unannounced], ids=["length stated", "no length"])
def test_a_page_in_place_of_the_file_is_refused_whatever_its_status(
    server: Server, tmp_path: Path, answer: Any, n_bytes: int | None
):
    server.answers["/x"] = lambda h: answer(h, HTML)
    with pytest.raises(CirqueError, match="no address gave the file: "):
        fetch(entry(server.url("/x"), n_bytes=n_bytes), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_with_another_file_is_refused_and_the_next_one_asked(server: Server, tmp_path: Path):
    server.answers["/wrong"] = lambda h: whole(h, CONTENT[::-1])
    urls = [server.url(path) for path in ("/gone", "/wrong", "/right")]
    with pytest.raises(CirqueError) as refused:
        fetch(entry(*urls), tmp_path / "x.bin", pause=0)
    assert "/gone answered 404" in str(refused.value)
    assert "/wrong has the sha256" in str(refused.value)
    assert list(tmp_path.iterdir()) == []

    server.answers["/right"] = ranged
    fetch(entry(*urls), tmp_path / "x.bin", pause=0)
    assert hashlib.sha256((tmp_path / "x.bin").read_bytes()).digest() == hashlib.sha256(CONTENT).digest()


def test_a_server_that_sends_one_to_a_file_of_this_machine_is_not_followed(server: Server, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)  # even with the right checksum

    def elsewhere(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", secret.as_uri())
        handler.end_headers()

    server.answers["/x"] = elsewhere
    with pytest.raises(CirqueError, match="no address gave the file"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert not (tmp_path / "x.bin").exists()
