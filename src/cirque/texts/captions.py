"""Captions without images: cleaning them, and reading corpora of them (LinCIR §4.1; spec lincir §2.1, §2.2).

    for number, caption in read_corpus(Path("cc3m.tsv"), "tsv", None, range(0, 1000)):
        caption = truncate(tokenizer, clean(caption), 77)

A corpus is one file: text with a caption a line, CC3M's `caption<TAB>url`, a column of a TAB-separated list with a
header, of a Parquet or a JSON-lines file, or the archive of OpenWebText, each of whose documents is a caption. A
caption is known by its place, so that how a corpus is divided among jobs changes no caption and no draw.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from cirque.data import image_lists
from cirque.data.decoding import clean_up_spaces
from cirque.errors import CirqueError
from cirque.store import provenance
from cirque.texts import openwebtext

#: How CC3M writes a name that it has taken out.
ANONYMOUS = "<PERSON>"

#: Digits of a line number in a caption's id: sorted ids are in the order of the corpus up to 10⁹ lines.
DIGITS = 9

#: Kinds of corpora whose captions are the values of a named column.
WITH_COLUMN = ("list", "parquet", "jsonl")

#: What is no caption but where an image was found; so many captions are looked at.
_ADDRESS = re.compile(r"\s*(https?|ftp)://\S+\s*$")
_LOOKED_AT = 20

#: Rows of a Parquet file that are held at once.
ROWS_AT_ONCE = 8192


# ---- cleaning ------------------------------------------------------------------------------------------------------


def clean(caption: str | None) -> str:
    """A caption as LinCIR reads it: lower case, without `$` and outer spaces, `<PERSON>` as `person`; none is empty."""
    return (caption or "").replace(ANONYMOUS, "person").lower().replace("$", "").strip()


def truncate(tokenizer: Any, caption: str, context_length: int) -> str:
    """Cut a cleaned caption to the tokens that a text tower reads, and write them as text again.

    A caption that fits is given back as it is. Of a longer one the first `context_length` − 2 tokens are decoded;
    spaces before punctuation and contractions are taken out, as `transformers` did in the released code.

    Args:
        tokenizer: of a CLIP backbone (open_clip's).
        caption: a cleaned caption.
        context_length: tokens that the tower reads, start and end among them.
    """
    ids = tokenizer.encode(caption)
    if len(ids) + 2 <= context_length:
        return caption
    # The tokenizer resolves HTML entities and wide letters, by which a `$` may come back.
    return clean(clean_up_spaces(tokenizer.decode(ids[: context_length - 2])))


# ---- corpora -------------------------------------------------------------------------------------------------------


def part_range(n_captions: int, part: int, n_parts: int) -> range:
    """The captions of one of `n_parts` jobs: caption i of n belongs to part ⌊i · n_parts / n⌋.

    Raises:
        CirqueError: there is no such part.
    """
    if not 0 <= part < n_parts:
        raise CirqueError(f"part {part} of {n_parts}: parts are counted from 0 to {n_parts - 1}")
    return range(-(-part * n_captions // n_parts), -(-(part + 1) * n_captions // n_parts))


def caption_id(corpus: str, number: int) -> str:
    """Name of the caption on line `number` (from 1) of a corpus."""
    return f"{corpus}-{number:0{DIGITS}d}"


def count(path: Path, kind: str) -> int:
    """How many captions a corpus holds, empty ones among them.

    Raises:
        CirqueError: the file is missing or holds no caption, or no corpus is of this kind.
    """
    reader(kind)
    provenance.read(path)
    if kind == "parquet":
        with _opened_parquet(path) as file:
            n_captions = file.metadata.num_rows
    elif kind == "openwebtext":
        n_captions = sum(1 for _ in openwebtext.documents(path))
    else:
        with _open(path) as stream:
            n_captions = sum(1 for _ in stream) - (kind == "list")
    if n_captions < 1:
        raise CirqueError(f"{path}: holds no caption; the corpus is to have one a line")
    return int(n_captions)


def read_corpus(path: Path, kind: str, column: str | None, rows: range) -> Iterator[tuple[int, str | None]]:
    """Some captions of a corpus as they stand there, each with its number from 1.

    The number is that of its line, a list's header not counted; in Parquet of its row, in OpenWebText of its document.

    Args:
        path: the corpus.
        kind: `text`, `tsv`, `list`, `parquet`, `jsonl` or `openwebtext`.
        column: name of the captions in a list, Parquet or JSON-lines file; None for the other kinds.
        rows: which captions, from 0, one after the other.

    Yields:
        Number and caption; None for a caption that is null.

    Raises:
        CirqueError: the file is missing or broken, a line is not UTF-8 or has another form than the kind's, or a
            column is given, or lacking, against the kind.
    """
    read = reader(kind)
    if (column is None) == (kind in WITH_COLUMN):
        needs = "needs the name of its caption column" if column is None else "has no named columns"
        raise CirqueError(f"{path}: a corpus of the kind {kind} {needs}; set `column` in the configuration accordingly")
    provenance.read(path)
    captions = read(path, column or "", rows)
    first = list(itertools.islice(captions, _LOOKED_AT))
    _refuse_addresses(path, [caption for _, caption in first])
    for number, caption in itertools.chain(first, captions):
        if caption is not None and not isinstance(caption, str):
            raise CirqueError(
                f"{path}, line {number}: the caption is no text but {caption!r}; mend it or name another column"
            )
        yield number, caption


def _refuse_addresses(path: Path, captions: list[object]) -> None:
    """Refuse a corpus whose first captions are all addresses: the columns are in another order, or another is named."""
    said = [caption for caption in captions if isinstance(caption, str) and caption.strip()]
    if said and all(_ADDRESS.match(caption) for caption in said):
        raise CirqueError(
            f"{path}: the captions are addresses ({said[0]:.80}); name the column of the captions, or put it first"
        )


def reader(kind: str) -> Callable[[Path, str, range], Iterator[tuple[int, object]]]:
    """How a kind of corpus is read.

    Raises:
        CirqueError: no such kind.
    """
    if kind not in READERS:
        raise CirqueError(f"corpus: no kind is called {kind!r}; there are {', '.join(READERS)}")
    return READERS[kind]


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error}); it is a corpus of captions") from error


def _lines(path: Path, rows: range) -> Iterator[tuple[int, str]]:
    """Decoded lines without their ends. Only line feeds end a line: captions hold other separators of Unicode."""
    with _open(path) as stream:
        for number, line in enumerate(stream, start=1):
            if number - 1 >= rows.stop:
                return
            if number - 1 < rows.start:
                continue
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CirqueError(
                    f"{path}, line {number}: byte {error.start + 1} is not UTF-8; save the file as UTF-8, or correct"
                    " the line"
                ) from error
            yield number, text.removesuffix("\n").removesuffix("\r")


def _read_text(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    return _lines(path, rows)


def _read_tsv(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    for number, line in image_lists.lines_without_blank_end(_lines(path, rows)):
        cells = line.split("\t")
        if len(cells) != 2:
            raise CirqueError(
                f"{path}, line {number}: {len(cells)} columns instead of caption<TAB>url; correct the line or the"
                " corpus' kind"
            )
        yield number, cells[0]


def _read_list(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    """As the image set is read, so that caption i belongs to image i of it."""
    names = next((line.split("\t") for _, line in _lines(path, range(1))), [])
    if column not in names:
        raise CirqueError(f"{path}, line 1: lacks the column {column!r}; it has {', '.join(names)}")
    for number, line in image_lists.lines_without_blank_end(_lines(path, range(rows.start + 1, rows.stop + 1))):
        yield number - 1, image_lists.cells(f"{path}, line {number}", line, len(names))[names.index(column)]


def _read_jsonl(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    for number, line in image_lists.lines_without_blank_end(_lines(path, rows)):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CirqueError(f"{path}, line {number}: no JSON ({error}); each line is to hold one object") from error
        if not isinstance(record, dict) or column not in record:
            has = ", ".join(record) if isinstance(record, dict) else "no object"
            raise CirqueError(f"{path}, line {number}: lacks the key {column!r}; it has {has}")
        yield number, record[column]


@contextmanager
def _opened_parquet(path: Path) -> Iterator[Any]:
    """A Parquet file, of which any page may turn out to be broken while it is read."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(f"{path}: no whole Parquet file ({first}); fetch the corpus again") from error


def _read_parquet(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    with _opened_parquet(path) as file:
        names = file.schema_arrow.names
        if column not in names:
            raise CirqueError(f"{path}: lacks the column {column!r}; it has {', '.join(names)}")
        first = 0
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[column]):
            inside = range(max(rows.start, first), min(rows.stop, first + len(batch)))
            if inside:
                values = batch.column(0).slice(inside.start - first, len(inside)).to_pylist()
                yield from zip(range(inside.start + 1, inside.stop + 1), values, strict=True)
            first += len(batch)
            if first >= rows.stop:
                return


def _read_openwebtext(path: Path, column: str, rows: range) -> Iterator[tuple[int, object]]:
    return itertools.islice(enumerate(openwebtext.documents(path), start=1), rows.start, rows.stop)


#: Kinds of corpora: the file, the column and the rows wanted give line numbers and captions.
READERS: dict[str, Callable[[Path, str, range], Iterator[tuple[int, object]]]] = {
    "text": _read_text,
    "tsv": _read_tsv,
    "list": _read_list,
    "parquet": _read_parquet,
    "jsonl": _read_jsonl,
    "openwebtext": _read_openwebtext,
}
