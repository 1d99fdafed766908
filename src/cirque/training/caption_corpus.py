"""Captions of all parts of all corpora with their features, and with those of their images, as LinCIR learns from."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cirque.encoders.features import OK, load_features
from cirque.errors import CirqueError, listed
from cirque.progress import say
from cirque.store import files, vectors
from cirque.training.masked_captions import Corpus

#: Columns of schemas.CAPTIONS that training reads, as one array each: the texts of a corpus may be more than the 2 GiB
#: that 32-bit offsets reach (OpenWebText).
COLUMNS = pa.schema(
    [
        ("caption_id", pa.large_string()),
        ("caption", pa.large_string()),
        ("words", pa.large_list(pa.large_string())),
        ("pos", pa.large_list(pa.large_string())),
    ]
)


def read_corpus(captions: list[Path], caption_features: list[Path]) -> Corpus:
    """Captions of all parts beside their features, file by file, so that no more than one file is held twice."""
    if len(captions) != len(caption_features):
        raise CirqueError(
            f"{len(captions)} files of captions and {len(caption_features)} of their features; give the same parts of"
            " both, in the same order"
        )
    tables = [files.read_table(path, COLUMNS.names).cast(COLUMNS) for path in captions]
    whole = pa.concat_tables(tables).combine_chunks()  # rows are taken in any order: chunks would be searched each time
    _require_unique(whole["caption_id"], captions)
    features = np.zeros((0, 0), dtype=np.float32)
    filled = 0
    for table, path, feature_path in zip(tables, captions, caption_features, strict=True):
        if not table.num_rows:
            continue
        ids, block = vectors.read([feature_path], "caption_id", "feature")
        if ids != table["caption_id"].to_pylist():
            raise CirqueError(
                f"{feature_path}: its captions are not those of {path}; delete it and run Snakemake again"
            )
        if not filled:
            features = np.empty((whole.num_rows, block.shape[1]), dtype=np.float32)
        if block.shape[1] != features.shape[1]:
            raise CirqueError(
                f"{feature_path}: features of {block.shape[1]} dimensions, but {caption_features[0]} has"
                f" {features.shape[1]}: they are of different backbones"
            )
        features[filled : filled + len(block)] = block
        filled += len(block)
    if not filled:
        raise CirqueError(f"no caption in {listed(captions)}; there is nothing to learn from")
    return Corpus(whole, features)


def with_images(corpus: Corpus, captions: list[Path], image_features: list[Path]) -> Corpus:
    """Captions beside the features of their images, in the order of both; a failed image takes its caption with it."""
    statuses = files.read_tables(image_features, ["status"])["status"]
    if len(statuses) != corpus.captions.num_rows:
        raise CirqueError(
            f"{corpus.captions.num_rows:,} captions in {listed(captions)} for {len(statuses):,} images in"
            f" {listed(image_features)}; the corpus must be the list of these images, a caption for each"
        )
    usable = pc.equal(statuses, OK).to_numpy()
    n_failed = int((~usable).sum())
    say(f"φ: {len(usable):,} images with captions, {n_failed:,} of them failed and left out")
    captions_left = corpus.captions.filter(pa.array(usable)).combine_chunks()
    return Corpus(captions_left, corpus.features[usable], load_features(image_features)[1])


def _require_unique(caption_ids: pa.ChunkedArray, paths: list[Path]) -> None:
    """Refuse captions of one name: their noise and masking would be the same."""
    twice = vectors.repeated(caption_ids)
    if twice:
        raise CirqueError(
            f"{len(twice)} caption_ids occur twice ({listed(twice)}) in {listed(paths)}; give every part"
            " of every corpus a name of its own"
        )
