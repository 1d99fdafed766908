"""The first images of a set beside their captions, as PALAVRA's networks learn from."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cirque.encoders.features import OK
from cirque.errors import CirqueError
from cirque.store import files, vectors
from cirque.texts import captions as cleaning
from cirque.training.word_sets import Pairs


def first_images(paths: list[Path], n_images: int) -> tuple[list[str], NDArray[np.float32], int]:
    """The first images that have a feature, these normalised [n, dim], and how many among the first have none."""
    if n_images < 1:
        raise CirqueError(f"palavra: n_pairs is {n_images}; give at least 1")
    tables: list[pa.Table] = []
    for path in paths:
        if sum(table.num_rows for table in tables) < n_images:  # files behind the last image are not opened
            tables.append(files.read_table(path))
    table = pa.concat_tables(tables).slice(0, n_images)
    good = table.filter(pc.equal(table["status"], OK))
    dim = table.schema.field("feature").type.list_size
    blocks = [np.zeros(0, np.float32), *(chunk.flatten().to_numpy() for chunk in good["feature"].chunks)]
    features = np.concatenate(blocks).reshape(-1, dim)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    names = good["image_id"].to_pylist()
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0))[:, 0])
    if len(broken):
        raise CirqueError(f"{paths[0].parent}: the feature of {names[broken[0]]} is zero or not finite; make it anew")
    return names, features / lengths, table.num_rows - good.num_rows


def paired(
    image_ids: list[str],
    images: NDArray[np.float32],
    titles: dict[str, str],
    captions: list[Path],
    caption_features: list[Path],
) -> tuple[Pairs, int]:
    """Images beside their captions, and how many have none in the corpus.

    An image is paired by its caption's words: links that rotted have put images and captions out of step.
    """
    wanted = [cleaning.clean(titles.get(name)) for name in image_ids]
    table, features = _captions(set(wanted) - {""}, captions, caption_features)
    rows = {caption: row for row, caption in enumerate(table["caption"].to_pylist())}
    paired = [place for place, caption in enumerate(wanted) if caption in rows]
    if not paired:
        raise CirqueError(
            f"{captions[0].parent}: holds the caption of none of the {len(image_ids):,} images; give the corpus that"
            " the images belong to"
        )
    chosen = [rows[wanted[place]] for place in paired]
    whole = table.take(chosen).combine_chunks()
    return Pairs(images[paired], whole, features[chosen]), len(image_ids) - len(paired)


def _captions(
    wanted: set[str], captions: list[Path], caption_features: list[Path]
) -> tuple[pa.Table, NDArray[np.float32]]:
    """The wanted ones of all captions, each text once, and their features [n, dim], file by file."""
    if len(captions) != len(caption_features):
        raise CirqueError(
            f"{len(captions)} files of captions and {len(caption_features)} of their features; give the same parts of"
            " both, in the same order"
        )
    missing, tables, blocks = set(wanted), [], []
    for path, feature_path in zip(captions, caption_features, strict=True):
        table = files.read_table(path, ["caption_id", "caption", "words", "pos"])
        rows = []
        for row, caption in enumerate(table["caption"].to_pylist()):
            if caption in missing:
                missing.remove(caption)
                rows.append(row)
        tables.append(table.take(pa.array(rows, pa.int64())))
        if rows:
            ids, array = vectors.read([feature_path], "caption_id", "feature")
            own = tables[-1]["caption_id"].to_pylist()
            blocks.append(vectors.take(ids, array, own, "caption", f"feature in {feature_path}"))
        if not missing:
            break
    return pa.concat_tables(tables), np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32)
