"""Clean the captions of one part of a corpus and tell the part of speech of each of their words."""

import itertools
from pathlib import Path

import pyarrow as pa

from cirque.encoders.imported import open_clip
from cirque.errors import CirqueError
from cirque.progress import progress, say
from cirque.store import files, schemas
from cirque.texts import captions, tagger

#: Captions that become columns together: Python's strings and lists take many times the room.
CAPTIONS_AT_ONCE = 8192


def main(
    *,
    corpus: Path,
    name: str,
    kind: str,
    model: str,
    context_length: int,
    part: int,
    n_parts: int,
    output: Path,
    threads: int,
    column: str | None = None,
) -> None:
    """Write the part's captions (schemas.CAPTIONS) in the order of the corpus, empty ones among them.

    Args:
        corpus: File of captions.
        name: Of the corpus, with which its captions' ids begin.
        kind: text, tsv, parquet or jsonl.
        model: Folder of a spaCy pipeline, or name of an installed one.
        context_length: Tokens that the text towers read; longer captions are cut to them.
        part: Which part, from 0.
        n_parts: Parts that the corpus is divided into.
        output: Parquet file to write.
        threads: Processes that tag side by side.
        column: Of the captions, for parquet and jsonl.
    """
    if threads < 1:
        raise CirqueError(f"tag_captions: {threads} threads cannot work; give at least 1")
    nlp = tagger.load(model)
    rows = captions.part_range(captions.count(corpus, kind), part, n_parts)
    tokenizer = open_clip.SimpleTokenizer()  # the same for every CLIP backbone
    ids, texts = [], []
    n_cut = 0
    for number, found in captions.read_corpus(corpus, kind, column, rows):
        whole = captions.clean(found)
        texts.append(captions.truncate(tokenizer, whole, context_length))
        n_cut += texts[-1] != whole
        ids.append(captions.caption_id(name, number))
    tagged = tagger.tag(nlp, progress(texts, what="captions", unit="caption"), threads)
    described = zip(ids, texts, tagged, strict=True)
    tables = [schemas.CAPTIONS.empty_table()]
    while some := list(itertools.islice(described, CAPTIONS_AT_ONCE)):
        block = [
            {"caption_id": caption_id, "caption": caption, "words": words, "pos": pos}
            for caption_id, caption, (words, pos) in some
        ]
        tables.append(pa.Table.from_pylist(block, schema=schemas.CAPTIONS))
    files.write_table(output, pa.concat_tables(tables), schemas.CAPTIONS)
    say(
        f"{corpus}: captions {rows.start + 1:,} to {rows.stop:,}; {texts.count(''):,} empty (kept), {n_cut:,} cut to"
        f" {context_length} tokens"
    )
