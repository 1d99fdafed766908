import json
from pathlib import Path

import open_clip
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cirque.datasets import cc3m
from cirque.errors import CirqueError
from cirque.mini.folders import packed_tar
from cirque.mini.generators import cc3m as generate_cc3m
from cirque.mini.generators import coyo as generate_coyo
from cirque.store import provenance
from cirque.texts import captions
from cirque.texts.phrases import part_of
from tests.small_tagger import HOSTILE

TOKENIZER = open_clip.SimpleTokenizer()


def read(path: Path, kind: str, column: str | None = None, rows: range | None = None) -> list[tuple[int, str | None]]:
    wanted = range(captions.count(path, kind)) if rows is None else rows
    return list(captions.read_corpus(path, kind, column, wanted))


# ---- cleaning ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (None, ""),
        ("", ""),
        ("  \t ", ""),
        ("<PERSON> at the Oscars", "person at the oscars"),
        ("<person>", "<person>"),
        ("$100 or US$ 100", "100 or us 100"),
        ("$ a dog $", "a dog"),
        ("a [$] in a box", "a [] in a box"),
        ("A  Dog\u00a0", "a  dog"),
        ("ÉCOLE 😀", "école 😀"),
    ],
)
def test_a_caption_is_lower_case_without_dollars_and_outer_spaces(raw: str | None, clean: str) -> None:
    assert captions.clean(raw) == clean


@given(st.text())
def test_cleaning_twice_changes_nothing_but_what_a_dollar_hid(caption: str) -> None:
    once = captions.clean(caption)
    assert "$" not in once
    assert once == once.strip() == captions.clean(once)


def test_a_caption_that_fits_is_not_touched() -> None:
    fits = "it 's a t-shirt , &amp; " + "old " * 60
    assert captions.truncate(TOKENIZER, fits, 77) == fits
    assert captions.truncate(TOKENIZER, "old " * 74 + "dog", 77) == "old " * 74 + "dog"


def test_a_longer_caption_keeps_its_first_75_tokens() -> None:
    assert captions.truncate(TOKENIZER, "old " * 75 + "dog", 77) == ("old " * 75).strip()
    cut = captions.truncate(TOKENIZER, "a cat, it's old. " * 20, 77)
    assert cut.startswith("a cat, it's old. a cat, it's old. ")
    assert TOKENIZER.encode(cut) == TOKENIZER.encode("a cat, it's old. " * 20)[:75]


@pytest.mark.parametrize("sign", ["&#36;", "\uff04", "&dollar;"])
def test_no_dollar_comes_back_with_the_decoded_tokens(sign: str) -> None:
    cut = captions.truncate(TOKENIZER, captions.clean(f"costs {sign} 5 " * 40), 77)
    assert "$" not in cut
    assert cut.startswith("costs")


@pytest.mark.parametrize("caption", HOSTILE)
def test_any_caption_can_be_cut(caption: str) -> None:
    clean = captions.clean(caption)
    cut = captions.truncate(TOKENIZER, clean, 77)
    assert len(TOKENIZER.encode(cut)) <= 75
    assert captions.truncate(TOKENIZER, clean, 16) == captions.clean(captions.truncate(TOKENIZER, clean, 16))


# ---- parts and names -----------------------------------------------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 12))
def test_parts_are_those_of_the_concept_vocabulary(n_captions: int, n_parts: int) -> None:
    numbers = list(map(str, range(n_captions)))
    for part in range(n_parts):
        assert [str(row) for row in captions.part_range(n_captions, part, n_parts)] == part_of(numbers, part, n_parts)


@pytest.mark.parametrize("part", [-1, 3])
def test_a_part_that_is_none_is_an_error(part: int) -> None:
    with pytest.raises(CirqueError, match="parts are counted from 0 to 2"):
        captions.part_range(10, part, 3)


def test_sorted_ids_are_in_the_order_of_the_corpus() -> None:
    numbers = [1, 2, 9, 10, 99, 100, 5_500_000, 10**9 - 1]
    ids = [captions.caption_id("cc3m", number) for number in numbers]
    assert ids == sorted(ids)
    assert ids[0] == "cc3m-000000001"


# ---- corpora -------------------------------------------------------------------------------------------------------


def test_a_text_has_one_caption_a_line_empty_ones_among_them(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes("\ufeffA dog\r\n\n  \nline\u2028separator \x85 \x0c\nthe last".encode())
    assert read(path, "text") == [
        (1, "A dog"),
        (2, ""),
        (3, "  "),
        (4, "line\u2028separator \x85 \x0c"),
        (5, "the last"),
    ]
    assert path in provenance._read


def test_a_table_of_captions_and_addresses_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "cc3m.tsv"
    path.write_text('a very "typical" bus\thttp://a/1.jpg\n\thttp://a/2.jpg\n<PERSON> sings\thttp://a/3.jpg\n')
    assert read(path, "tsv") == [(1, 'a very "typical" bus'), (2, ""), (3, "<PERSON> sings")]


def test_a_column_of_parquet_is_read_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "corpus.parquet"
    texts = [None if i == 4 else f"caption {i}" for i in range(20)]
    pq.write_table(pa.table({"id": range(20), "text": texts}), path, row_group_size=7)
    monkeypatch.setattr(captions, "ROWS_AT_ONCE", 3)
    assert read(path, "parquet", "text") == list(enumerate(texts, start=1))
    assert read(path, "parquet", "text", range(6, 8)) == [(7, "caption 6"), (8, "caption 7")]


def test_a_key_of_json_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "a dog"}\n{"text": null, "n": 1}\n{"text": "caf\\u00e9\\n"}\n')
    assert read(path, "jsonl", "text") == [(1, "a dog"), (2, None), (3, "café\n")]


def test_a_list_has_a_header_and_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text('title\tfilepath\na "typical" bus\tcc_data/train/1.jpg\n\tcc_data/train/2.jpg\nb😀\tc\n')
    assert read(path, "list", "title") == [(1, 'a "typical" bus'), (2, ""), (3, "b😀")]
    assert read(path, "list", "filepath", range(2, 3)) == [(3, "c")]


def test_the_captions_of_cc3ms_list_are_those_of_its_images_one_by_one(tmp_path: Path) -> None:
    generate_cc3m.generate(seed=0, image_size=32, n_cc3m_captions=9, n_cc3m_images=5, data_root=tmp_path)
    source = tmp_path / cc3m.LISTS["train"]
    names = [name for name, _ in cc3m.images(tmp_path, "train")]
    assert [name for _, name in read(source, "list", "filepath")] == names
    lines = (tmp_path / "cc3m/GCC-training.tsv").read_text().splitlines()
    assert [caption for _, caption in read(source, "list", "title")] == [line.split("\t")[0] for line in lines[:5]]


def test_a_shard_of_coyo_is_read_as_it_stands(tmp_path: Path) -> None:
    texts = ["A dog", None, "", "  ", "A dog", "Mug for $ 5 😍", "c" * 9999, "tab\there\nand there", "<PERSON> \ud7ff"]
    rows = [{**dict.fromkeys(generate_coyo.SCHEMA.names), "id": i, "text": text} for i, text in enumerate(texts)]
    path = tmp_path / "part.snappy.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=generate_coyo.SCHEMA), path, compression="snappy")
    assert read(path, "parquet", "text") == list(enumerate(texts, start=1))
    cleaned = [captions.clean(text) for text in texts]
    assert cleaned[:6] == ["a dog", "", "", "", "a dog", "mug for  5 😍"]


def test_a_shard_of_coyo_that_is_cut_short_is_an_error_before_any_caption(tmp_path: Path) -> None:
    generate_coyo.generate(seed=0, n_alt_texts=50, data_root=tmp_path)
    path = tmp_path / generate_coyo.FILE
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CirqueError, match=r"c000\.snappy\.parquet: no whole Parquet file"):
        captions.count(path, "parquet")


@pytest.mark.parametrize("kind", list(captions.READERS))
@pytest.mark.parametrize("n_parts", [1, 2, 3, 40])
def test_the_parts_of_a_corpus_are_the_whole(kind: str, n_parts: int, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    texts = [f"caption {i}" for i in range(23)]
    if kind == "parquet":
        pq.write_table(pa.table({"text": texts}), path, row_group_size=4)
    elif kind == "openwebtext":
        pages = [(f"{i}.txt", text.encode()) for i, text in enumerate(texts)]
        path.write_bytes(packed_tar([("a.xz", packed_tar(pages[:9])), ("b.xz", packed_tar(pages[9:]))]))
    else:
        line = {"text": "{}\n", "tsv": "{}\thttp://a\n", "list": "1\t{}\n", "jsonl": '{{"text": "{}"}}\n'}[kind]
        path.write_text("id\ttext\n" * (kind == "list") + "".join(line.format(text) for text in texts))
    column = "text" if kind in captions.WITH_COLUMN else None
    found = [row for part in range(n_parts) for row in read(path, kind, column, captions.part_range(23, part, n_parts))]
    assert found == list(enumerate(texts, start=1))


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("text", b"a dog\nd\xeda\n", "corpus, line 2: byte 2 is not UTF-8"),
        ("tsv", b"a dog\thttp://a\nd\xeda\thttp://a\n", "corpus, line 2: byte 2 is not UTF-8"),
        ("tsv", b"a dog\thttp://a\na cat\n", "corpus, line 2: 1 columns instead of caption<TAB>url"),
        ("tsv", b"a\tdog\thttp://a\n", "corpus, line 1: 3 columns"),
        ("list", b"text\tn\na dog\t1\nd\xeda\t2\n", "corpus, line 3: byte 2 is not UTF-8"),
        ("list", b"text\tn\na dog\t1\na cat\n", "corpus, line 3: 1 columns where the header names 2"),
        ("list", b"title\tn\na dog\t1\n", "corpus, line 1: lacks the column 'text'; it has title, n"),
        ("list", b"text\tn\n", "holds no caption"),
        ("list", b"", "holds no caption"),
        ("openwebtext", b"no archive", "no whole archive of OpenWebText"),
        ("jsonl", b'{"text": "a"}\n{"text"\n', "corpus, line 2: no JSON"),
        ("jsonl", b'{"text": "a"}\n{"caption": "b"}\n', "corpus, line 2: lacks the key 'text'; it has caption"),
        ("jsonl", b'["text"]\n', "corpus, line 1: lacks the key 'text'"),
        ("jsonl", b'{"text": 5}\n', "corpus, line 1: the caption is no text but 5"),
        ("jsonl", b'{"text": ' + b"9" * 5000 + b"}\n", "corpus, line 1: no JSON"),
        ("parquet", b"PAR1 no more", "no whole Parquet file"),
        ("text", b"", "holds no caption"),
    ],
)
def test_a_broken_corpus_is_an_error_that_names_the_line(
    kind: str, content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(content)
    with pytest.raises(CirqueError, match=message):
        read(path, kind, "text" if kind in captions.WITH_COLUMN else None)


def test_a_column_that_is_not_there_or_holds_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"caption": ["a"], "n": [1]}), path)
    with pytest.raises(CirqueError, match="lacks the column 'text'; it has caption, n"):
        read(path, "parquet", "text")
    with pytest.raises(CirqueError, match="line 1: the caption is no text but 1"):
        read(path, "parquet", "n")


def test_a_column_is_given_to_the_kinds_that_have_columns_only(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text("a\n")
    with pytest.raises(CirqueError, match="the kind text has no named columns"):
        read(path, "text", "text")
    with pytest.raises(CirqueError, match="the kind jsonl needs the name of its caption column"):
        read(path, "jsonl")


def test_an_unknown_kind_is_an_error_that_names_the_others(tmp_path: Path) -> None:
    with pytest.raises(
        CirqueError, match="no kind is called 'csv'; there are text, tsv, list, parquet, jsonl, openwebtext"
    ):
        captions.count(tmp_path / "corpus", "csv")


@pytest.mark.parametrize("kind", list(captions.READERS))
def test_a_missing_corpus_is_an_error(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="corpus"):
        captions.count(tmp_path / "corpus", kind)


def test_json_lines_are_counted_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_text(json.dumps({"text": "a"}) + "\n" + json.dumps({"text": "b"}))
    assert captions.count(path, "jsonl") == 2


ADDRESSES = {
    "tsv": "http://a.b/1.jpg\ta dog\nhttps://a.b/2.jpg\ta cat\n",
    "text": "http://a.b/1.jpg\nhttp://a.b/2.jpg\n",
    "jsonl": '{"c": "http://a.b/1.jpg"}\n{"c": null}\n',
}


@pytest.mark.parametrize("kind", ADDRESSES)
def test_a_corpus_of_addresses_is_refused(tmp_path: Path, kind: str):
    path = tmp_path / f"corpus.{kind}"
    path.write_text(ADDRESSES[kind], encoding="utf-8")
    with pytest.raises(CirqueError, match=r"the captions are addresses \(http://a\.b/1\.jpg\)"):
        list(captions.read_corpus(path, kind, "c" if kind == "jsonl" else None, range(2)))


def test_a_caption_may_be_an_address_among_others(tmp_path: Path):
    path = tmp_path / "corpus.txt"
    path.write_text("http://a.b/1.jpg\na dog\n", encoding="utf-8")
    assert len(list(captions.read_corpus(path, "text", None, range(2)))) == 2


@pytest.mark.parametrize(("kind", "line"), [("tsv", "a dog\thttp://a.b"), ("jsonl", '{"c": "a dog"}')])
def test_blank_last_lines_are_no_captions_and_one_between_others_is_refused(tmp_path: Path, kind: str, line: str):
    path, column = tmp_path / f"corpus.{kind}", "c" if kind == "jsonl" else None
    path.write_text(f"{line}\n\n\n", encoding="utf-8")
    assert list(captions.read_corpus(path, kind, column, range(9))) == [(1, "a dog")]
    path.write_text(f"{line}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(CirqueError, match="line 2"):
        list(captions.read_corpus(path, kind, column, range(9)))


def test_a_page_of_parquet_that_was_altered_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"text": ["first", "second"]}), path, write_page_checksum=True, compression="none")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"second", b"SECOND", 1))
    with pytest.raises(CirqueError, match=r"corpus\.parquet: no whole Parquet file"):
        read(path, "parquet", "text")
