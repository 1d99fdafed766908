"""Corpora of captions, of each kind."""

import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cirque.texts import captions
from tests.fuzz import mutations
from tests.fuzz.harness import Target

_TEXTS = ["a cat on a mat", "", "two dogs, é"]


def _parquet(folder: Path) -> list[bytes]:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": _TEXTS, "n": [1, 2, 3]}), out, write_page_checksum=True)
    return [out.getvalue()]


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _openwebtext(folder: Path) -> list[bytes]:
    pages = lzma.compress(_tar({"1.txt": b"One.\n\n\n\nTwo.", "2.txt": b"Three."}))
    return [lzma.compress(_tar({"openwebtext/urlsf_subset00-1_data.xz": pages}))]


def _read(kind: str, column: str | None) -> Callable[[Path], None]:
    def read(file: Path) -> None:
        n_captions = captions.count(file, kind)
        found = list(captions.read_corpus(file, kind, column, range(n_captions)))
        assert len(found) <= n_captions

    return read


def _lines(*lines: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: ["\n".join(lines).encode()]


TARGETS = [
    Target("corpus_text", "all_prompts.txt", _lines(*_TEXTS), _read("text", None), mutations.of_lines),
    Target(
        "corpus_tsv", "GCC.tsv", _lines("a cat\thttp://a", "a dog\thttp://b"), _read("tsv", None), mutations.of_lines
    ),
    Target(
        "corpus_list",
        "list.csv",
        _lines("title\tfilepath", '"a ""cat"""\tcc_data/train/1.jpg', "a dog\tcc_data/train/2.jpg"),
        _read("list", "title"),
        mutations.of_lines,
    ),
    Target(
        "corpus_jsonl",
        "texts.jsonl",
        _lines('{"text": "a"}', '{"text": null}'),
        _read("jsonl", "text"),
        mutations.of_lines,
    ),
    Target("corpus_parquet", "part-00000.parquet", _parquet, _read("parquet", "text")),
    Target(
        "corpus_openwebtext", "openwebtext.tar.xz", _openwebtext, _read("openwebtext", None), mutations.of_packed_tar
    ),
]
