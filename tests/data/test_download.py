import hashlib
import http.server
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cirque.data import download
from cirque.data.download import COLUMNS, Entry, fetch, read_registry
from cirque.errors import CirqueError

REGISTRY = Path(__file__).parents[2] / "config/datasets.tsv"

CONTENT = bytes(range(256)) * 12_000  # 3 MB, several reads

Handler = http.server.BaseHTTPRequestHandler


class Server:
    """A server on this machine whose answers a test writes; `asked` holds the path and range of every request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.answers: dict[str, Callable[[Handler], None]] = {}
        outer = self

        class OneHandler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Range")))
                outer.answers.get(self.path, lambda h: h.send_error(404))(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneHandler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}{path}"


def whole(handler: Handler, content: bytes = CONTENT) -> None:
    """Answers with everything, whatever range was asked for."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def ranged(handler: Handler, content: bytes = CONTENT, at_most: int | None = None) -> None:
    """Answers a range; sends `at_most` bytes and drops the connection."""
    asked = handler.headers.get("Range")
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
    if start >= len(content):
        handler.send_error(416)
        return
    handler.send_response(206 if asked else 200)
    if asked:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    handler.wfile.write(content[start:][:at_most])


def once_then(first: Callable[[Handler], None], later: Callable[[Handler], None]) -> Callable[[Handler], None]:
    answers = iter([first])

    def answer(handler: Handler) -> None:
        next(answers, later)(handler)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()
    urllib.request.install_opener(urllib.request.build_opener())


def entry(*urls: str, **changes: Any) -> Entry:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    values: dict[str, Any] = {
        "dataset": "cirr", "file": "CIRR/x.bin", "urls": urls, "n_bytes": len(CONTENT), "sha256": sha256,
        "git_blob": "", "licence": "MIT", "gated": False, "note": "",
    }  # fmt: skip
    return Entry(**(values | changes))


def partial(output: Path) -> Path:
    return output.with_name(f".{output.name}.download")


# ---- fetching ------------------------------------------------------------------------------------------------------


def test_a_file_arrives_whole_and_nothing_else_is_left(server: Server, tmp_path: Path):
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x")), tmp_path / "CIRR/x.bin")
    assert (tmp_path / "CIRR/x.bin").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "CIRR").iterdir()] == ["x.bin"]


def test_a_dropped_connection_is_resumed_where_it_broke_off(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), ranged)
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked == [("/x", None), ("/x", "bytes=1000000-")]


def test_many_drops_are_survived_as_long_as_bytes_arrive(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: ranged(h, at_most=200_000)
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert len(server.asked) == 16


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), whole)
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked[1] == ("/x", "bytes=1000000-")


def test_what_an_earlier_run_received_is_used(server: Server, tmp_path: Path):
    partial(tmp_path / "x.bin").write_bytes(CONTENT[:2_000_000])
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x")), tmp_path / "x.bin")
    assert server.asked == [("/x", "bytes=2000000-")]
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_what_an_earlier_run_received_whole_is_not_asked_for_again(server: Server, tmp_path: Path):
    partial(tmp_path / "x.bin").write_bytes(CONTENT)
    fetch(entry(server.url("/x")), tmp_path / "x.bin")
    assert server.asked == []
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_leftover_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path):
    partial(tmp_path / "x.bin").write_bytes(CONTENT + b"more")
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x"), n_bytes=None), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_leftover_of_another_file_is_thrown_away(server: Server, tmp_path: Path):
    partial(tmp_path / "x.bin").write_bytes(b"x" * 2_000_000)
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x")), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: h.send_error(503), ranged)
    fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT


def test_a_server_that_stays_silent_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    gone = threading.Event()
    server.answers["/x"] = lambda h: gone.wait(5)
    with pytest.raises(CirqueError, match="failed 4 times in a row"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    gone.set()
    assert len(server.asked) == 4


def test_a_missing_file_is_taken_from_the_mirror(server: Server, tmp_path: Path):
    server.answers["/mirror"] = ranged
    fetch(entry(server.url("/gone"), server.url("/mirror")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/gone", "/mirror"]  # a 404 is not asked for twice


def test_a_mirror_goes_on_where_the_source_broke_off(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), lambda h: h.send_error(503))
    server.answers["/mirror"] = ranged
    fetch(entry(server.url("/x"), server.url("/mirror")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked[-1] == ("/mirror", "bytes=1000000-")


def test_a_wrong_checksum_is_refused_and_removed(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: whole(h, CONTENT[::-1])
    with pytest.raises(CirqueError, match=r"has the sha256 \w+ instead of \w+: not the file wanted, and removed"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_size_is_refused_before_it_is_downloaded(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: whole(h, b"<html>please log in</html>")
    with pytest.raises(CirqueError, match="offers 26 bytes instead of 3,072,000"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_after_a_wrong_file_the_mirror_is_tried(server: Server, tmp_path: Path):
    server.answers["/x"] = lambda h: whole(h, CONTENT[::-1])
    server.answers["/mirror"] = ranged
    fetch(entry(server.url("/x"), server.url("/mirror")), tmp_path / "x.bin", pause=0)
    assert (tmp_path / "x.bin").read_bytes() == CONTENT
    assert server.asked[-1] == ("/mirror", None)


def test_a_git_blob_id_is_checked_as_git_computes_it(server: Server, tmp_path: Path):
    blob = hashlib.sha1(b"blob 3072000\0" + CONTENT).hexdigest()
    server.answers["/x"] = ranged
    fetch(entry(server.url("/x"), sha256="", git_blob=blob), tmp_path / "x.bin")
    with pytest.raises(CirqueError, match="has the git_blob"):
        fetch(entry(server.url("/x"), sha256="", git_blob="0" * 40), tmp_path / "y.bin", pause=0)


def test_the_right_file_is_not_downloaded_again_and_a_wrong_one_is_refused_and_stays(server: Server, tmp_path: Path):
    (tmp_path / "x.bin").write_bytes(CONTENT)
    fetch(entry(server.url("/x")), tmp_path / "x.bin")
    (tmp_path / "x.bin").write_bytes(b"a person's own")
    with pytest.raises(CirqueError, match=r"x\.bin: has 14 bytes instead of .*it stays as it is"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == b"a person's own"
    assert server.asked == []


def test_when_no_address_gives_it_all_are_named_and_what_came_is_kept(server: Server, tmp_path: Path):
    server.answers["/x"] = once_then(lambda h: ranged(h, at_most=1_000_000), lambda h: h.send_error(503))
    with pytest.raises(CirqueError) as error:
        fetch(entry(server.url("/x"), server.url("/gone")), tmp_path / "x.bin", pause=0)
    assert "503" in str(error.value)
    assert "/gone answered 404" in str(error.value)
    assert "docs/data.md#cirr" in str(error.value)
    assert partial(tmp_path / "x.bin").stat().st_size == 1_000_000
    assert not (tmp_path / "x.bin").exists()


def test_a_full_disk_is_stated_and_leaves_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_copy", full)
    server.answers["/x"] = ranged
    with pytest.raises(CirqueError, match="No space left on device"):
        fetch(entry(server.url("/x")), tmp_path / "x.bin", pause=0)
    assert list(tmp_path.iterdir()) == []


def test_a_gated_file_says_how_a_person_gets_it(tmp_path: Path):
    gated = entry(gated=True, note="Fill in the form", licence="research only")
    with pytest.raises(CirqueError) as error:
        fetch(gated, tmp_path / "x.bin")
    for part in (str(tmp_path / "x.bin"), "Fill in the form", "research only", "docs/data.md#cirr"):
        assert part in str(error.value)


def test_a_gated_file_that_a_person_put_there_is_checked(tmp_path: Path):
    (tmp_path / "x.bin").write_bytes(CONTENT)
    fetch(entry(gated=True), tmp_path / "x.bin")
    (tmp_path / "x.bin").write_bytes(b"half")
    with pytest.raises(CirqueError, match="has 4 bytes instead of 3,072,000"):
        fetch(entry(gated=True), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == b"half"  # a person's file is not ours to remove


# ---- registry ------------------------------------------------------------------------------------------------------


def test_the_projects_registry_is_whole_and_every_free_file_can_be_checked():
    entries = read_registry(REGISTRY)
    assert {"CIRR/cirr/captions/cap.rc2.val.json", "openimages/oidv7-class-descriptions.csv"} <= entries.keys()
    for item in entries.values():
        assert item.note
        assert item.licence
        assert item.gated or item.sha256 or item.git_blob
        assert len(item.sha256) in (0, 64)
        assert len(item.git_blob) in (0, 40)


def test_the_projects_registry_describes_the_real_annotation_files(annotations: Path):
    checked = 0
    for item in read_registry(REGISTRY).values():
        path = annotations / item.file
        if path.is_file():
            assert download.fault_of(path, item) is None, item.file
            checked += 1
    assert checked == 26  # all that the annotations folder holds; the train captions of CIRR are not at hand


def test_what_is_fetched_has_a_size_and_a_checksum():
    fetched = [item for item in read_registry(REGISTRY).values() if item.is_fetched]
    assert {"archives/val2017.zip", "archives/imagenet-r.tar"} <= {item.file for item in fetched}
    assert not [item.file for item in fetched if not (item.sha256 or item.git_blob)]
    # A git blob id covers the size; that of CIRR's train captions is known by nothing else.
    assert [item.file for item in fetched if item.n_bytes is None] == ["CIRR/cirr/captions/cap.rc2.train.json"]


HEADER = "\t".join(COLUMNS)
ROW = "cirr\tval\tx.json\thttps://x.org/x\t\t12\t\tabc\tMIT\tno\tnote"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset\tfile\n", "columns must be"),
        (f"{HEADER}\n{ROW}\n{ROW}\n", "line 3: x.json has two rows"),
        (f"{HEADER}\n{ROW}\textra\n", "must have 11 columns"),
        (f"{HEADER}\ncirr\tval\n", "must have 11 columns"),
        (f"{HEADER}\n{ROW.replace('https', 'file')}\n", "must begin with https"),
        (f"{HEADER}\n{ROW.replace('12', 'big')}\n", "bytes a whole number"),
        (f"{HEADER}\n{ROW.replace('no', 'maybe', 1)}\n", "gated must be yes or no"),
        (f"{HEADER}\n{ROW.replace('abc', '')}\n", "a sha256 or git_blob to check it by"),
    ],
)
def test_a_broken_registry_is_refused_with_its_line(tmp_path: Path, text: str, message: str):
    (tmp_path / "datasets.tsv").write_text(text)
    with pytest.raises(CirqueError, match=message):
        read_registry(tmp_path / "datasets.tsv")


def test_a_registry_that_is_not_utf_8_is_refused_by_its_name(tmp_path: Path):
    (tmp_path / "datasets.tsv").write_bytes("\t".join(COLUMNS).encode() + b"\n\xff\n")
    with pytest.raises(CirqueError, match=r"datasets\.tsv: is no table of data sets"):
        read_registry(tmp_path / "datasets.tsv")
