import io
import lzma
import tarfile
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.mini.folders import packed_tar
from cirque.texts import captions, openwebtext

#: Official names: one of 20,610 inner archives, and its pages.
SUBSET = "openwebtext/urlsf_subset00-{}_data.xz"

#: Pages as the web has them: with empty lines, empty, twice, with a price, an emoji and a quote.
PAGES = ["Port-au-Prince\n\n\n\nRain fell.\n", "\n", "Again.", "Again.", "US$ 5 😀 “fine” &amp;\u2028x"]


def page(number: int, text: str | bytes) -> tuple[str, bytes]:
    return f"{number:07d}-0cc175b9c0f1b6a831c399e269772661.txt", text if isinstance(text, bytes) else text.encode()


def write(path: Path, *subsets: list[str | bytes]) -> Path:
    members = [
        (SUBSET.format(number), packed_tar([page(i, text) for i, text in enumerate(texts)]))
        for number, texts in enumerate(subsets, start=1)
    ]
    path.write_bytes(packed_tar(members))
    return path


def read(path: Path, rows: range | None = None) -> list[tuple[int, str | None]]:
    wanted = range(captions.count(path, "openwebtext")) if rows is None else rows
    return list(captions.read_corpus(path, "openwebtext", None, wanted))


def test_every_page_is_a_document_in_the_order_of_the_archives(tmp_path: Path) -> None:
    path = write(tmp_path / "owt.tar.xz", [*PAGES[:2]], [], [*PAGES[2:]])
    expected = ["Port-au-Prince\n\nRain fell.", "", "Again.", "Again.", "US$ 5 😀 “fine” &amp;\u2028x"]
    assert read(path) == list(enumerate(expected, start=1))


def test_what_a_caption_may_hold_is_settled_by_cleaning(tmp_path: Path) -> None:
    found = [captions.clean(text) for _, text in read(write(tmp_path / "owt.tar.xz", [*PAGES]))]
    assert found == ["port-au-prince\n\nrain fell.", "", "again.", "again.", "us 5 😀 “fine” &amp;\u2028x"]


def test_a_long_page_is_read_as_far_as_a_text_tower_may_look(tmp_path: Path) -> None:
    path = write(tmp_path / "owt.tar.xz", ["word " * 200_000])
    ((_, found),) = read(path)
    assert found == ("word " * 200_000)[: openwebtext.CHARACTERS]


def test_other_members_are_no_documents(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        folder = tarfile.TarInfo("openwebtext/a.xz")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in [
            ("openwebtext/README", b"hello"),
            ("openwebtext/b.xz", packed_tar([("1.json", b"{}"), page(1, "a page")])),
        ]:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    path = tmp_path / "owt.tar.xz"
    path.write_bytes(lzma.compress(whole.getvalue()))
    assert read(path) == [(1, "a page")]


def test_a_page_that_is_not_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "owt.tar.xz", ["fine"], ["fine", b"d\xeda"])
    with pytest.raises(CirqueError, match=r"owt\.tar\.xz, .*subset00-2_data\.xz, 0000001-.*\.txt: byte 2 is not UTF-8"):
        read(path)
    assert read(path, range(2)) == [(1, "fine"), (2, "fine")]


@pytest.mark.parametrize("left", [0, 1, 40, 0.5, 0.9, -1])
def test_an_archive_that_is_cut_short_is_an_error_at_any_place(left: float, tmp_path: Path) -> None:
    whole = write(tmp_path / "owt.tar.xz", *([f"page {i} {j}" for i in range(30)] for j in range(9))).read_bytes()
    path = tmp_path / "cut.tar.xz"
    path.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
    with pytest.raises(CirqueError, match=r"cut\.tar\.xz: no whole archive of OpenWebText .* fetch it again"):
        captions.count(path, "openwebtext")


def test_a_broken_inner_archive_is_an_error_that_names_it(tmp_path: Path) -> None:
    whole, cut = packed_tar([page(0, "a page")]), packed_tar([page(1, "b page")])[:-30]
    path = tmp_path / "owt.tar.xz"
    path.write_bytes(packed_tar([(SUBSET.format(1), whole), (SUBSET.format(2), cut)]))
    with pytest.raises(CirqueError, match=r"no whole archive of OpenWebText \(openwebtext/urlsf_subset00-2_data\.xz"):
        captions.count(path, "openwebtext")


def test_an_archive_without_pages_holds_no_caption(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="holds no caption"):
        captions.count(write(tmp_path / "owt.tar.xz", [], []), "openwebtext")
