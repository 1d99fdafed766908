import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from cirque.errors import CirqueError
from cirque.stages.tag_captions import main
from cirque.store import files, schemas
from cirque.texts import captions, keywords
from tests import small_tagger
from tests.small_tagger import HOSTILE


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_tagger.write(tmp_path_factory.mktemp("tagger"))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"{caption}\n" for caption in HOSTILE), encoding="utf-8")
    return path


def run(corpus: Path, model: Path, **changes: Any) -> list[dict[str, Any]]:
    output = corpus.parent / "captions.parquet"
    usual = {"name": "web", "kind": "text", "context_length": 77, "part": 0, "n_parts": 1, "threads": 1}
    main(corpus=corpus, model=str(model), output=output, **{**usual, **changes})
    table = files.read_table(output)
    assert table.schema.equals(schemas.CAPTIONS)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_every_line_is_kept_in_order_cleaned_and_tagged(corpus: Path, model: Path) -> None:
    rows = run(corpus, model)
    assert [row["caption_id"] for row in rows] == [f"web-{line:09d}" for line in range(1, len(HOSTILE) + 1)]
    for row, raw in zip(rows, HOSTILE, strict=True):
        assert row["caption"] == captions.clean(raw) or raw.startswith("old")
        assert len(row["words"]) == len(row["pos"])
    assert rows[4]["caption"] == ("old " * 75).strip()
    assert rows[5]["caption"] == rows[6]["caption"] == ""
    assert rows[7]["caption"] == "person and person on stage"
    assert keywords.runs(rows[-1]["words"], rows[-1]["pos"]) == ["a photo", "a red star"]


def test_empty_and_cut_captions_are_counted(corpus: Path, model: Path) -> None:
    log = io.StringIO()
    with redirect_stderr(log):
        run(corpus, model)
    assert f"captions 1 to {len(HOSTILE)}; 2 empty (kept), 1 cut to 77 tokens" in log.getvalue()


def test_how_a_corpus_is_divided_changes_no_row(corpus: Path, model: Path) -> None:
    whole = run(corpus, model)
    assert [row for part in range(3) for row in run(corpus, model, part=part, n_parts=3)] == whole


def test_more_parts_than_captions_leave_parts_empty(corpus: Path, model: Path) -> None:
    assert run(corpus, model, part=2, n_parts=20) == []


def test_neither_processes_nor_blocks_change_a_row(corpus: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(corpus, model)
    monkeypatch.setattr("cirque.stages.tag_captions.CAPTIONS_AT_ONCE", 4)
    assert run(corpus, model, threads=2) == whole


def test_a_null_in_a_column_is_an_empty_caption(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "A Star"}\n{"text": null}\n')
    rows = run(path, model, kind="jsonl", column="text")
    assert [row["caption"] for row in rows] == ["a star", ""]
    assert rows[1]["words"] == rows[1]["pos"] == []


def test_a_line_that_is_not_utf_8_is_named_and_leaves_no_file(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"a star\nd\xeda\n")
    with pytest.raises(CirqueError, match=r"corpus\.txt, line 2: byte 2 is not UTF-8"):
        run(path, model)
    assert not (tmp_path / "captions.parquet").exists()


def test_no_process_is_an_error(corpus: Path, model: Path) -> None:
    with pytest.raises(CirqueError, match="0 threads cannot work"):
        run(corpus, model, threads=0)
