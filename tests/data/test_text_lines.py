from pathlib import Path

import pytest

from cirque.data import text_lines
from cirque.errors import CirqueError

DOCS = "docs/data.md#mitstates"


def test_lines_are_numbered_and_blank_ones_at_the_end_are_none(tmp_path: Path):
    source = tmp_path / "list.txt"
    source.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\n\n\n")
    assert text_lines.read(source, DOCS) == [(1, "one"), (2, ""), (3, "two")]


def test_a_caption_may_hold_other_signs_that_end_lines(tmp_path: Path):
    source = tmp_path / "list.txt"
    source.write_text("a\x85b\x0bc\u2028d\n", encoding="utf-8")
    assert text_lines.read(source, DOCS) == [(1, "a\x85b\x0bc\u2028d")]


def test_a_file_that_is_missing_empty_not_utf_8_or_a_folder_is_named(tmp_path: Path):
    source = tmp_path / "list.txt"
    with pytest.raises(CirqueError, match=r"list\.txt: no such file; see docs/data\.md#mitstates"):
        text_lines.read(source, DOCS)
    source.write_bytes(b"\n\n")
    with pytest.raises(CirqueError, match=r"list\.txt: expected at least one line"):
        text_lines.read(source, DOCS)
    source.write_bytes("né".encode("latin-1"))
    with pytest.raises(CirqueError, match=r"list\.txt: byte 1 is not UTF-8"):
        text_lines.read(source, DOCS)
    source.unlink()
    source.mkdir()
    with pytest.raises(CirqueError, match=r"list\.txt: cannot be read"):
        text_lines.read(source, DOCS)
