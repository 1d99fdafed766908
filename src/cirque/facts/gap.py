"""How far images and captions lie apart, for each noise on the captions (LinCIR Table 1)."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cirque.encoders.features import OK
from cirque.errors import CirqueError, listed
from cirque.facts import modality_gap
from cirque.facts.rows import fact
from cirque.progress import say
from cirque.store import files


def state(
    *,
    features: list[Path],
    caption_features: list[Path],
    dataset: str,
    split: str,
    backbone: str,
    n_pairs: int,
    seed: int,
    resamples: int,
    bootstrap_seed: int,
    level: float,
) -> list[dict[str, Any]]:
    """The modality gap of each noise with its interval.

    Pairs are the images in the order of their list and the captions in the order of the corpus, as many as there are
    images; an image that failed takes its caption with it.

    Args:
        features: Feature files of the image set, in its order.
        caption_features: Feature files of the corpus, in its order.
        dataset: Its name in print.
        split: Of the image set.
        backbone: As configured.
        n_pairs: Pairs to read at most.
        seed: Of the noise.
        resamples: How often the pairs are drawn anew for the interval.
        bootstrap_seed: Of these draws.
        level: Of the interval, 0.95.
    """
    images, captions, caption_ids = _pairs(features, caption_features, n_pairs)
    rows: list[dict[str, Any]] = []
    for noise, printed_as in modality_gap.PRINTED_AS.items():
        noisy = modality_gap.noisy(captions, noise, seed, caption_ids)
        differences = modality_gap.pair_differences(images, noisy, caption_ids)
        low, high = modality_gap.interval(differences, resamples, bootstrap_seed, level)
        about = {"dataset": dataset, "split": split, "row": printed_as, "backbone": backbone}
        rows.append(fact("modality_gap", modality_gap.gap(differences), **about, ci_low=low, ci_high=high))
        say(f"modality gap, {printed_as}: {rows[-1]['value']:.3f} ({low:.3f} to {high:.3f})")
    return rows


def _pairs(
    features: list[Path], caption_features: list[Path], n_pairs: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
    """Features of paired images and captions, [n, dim] each, and the captions' ids; a pair without a feature is out."""
    if n_pairs < 1:
        raise CirqueError(f"gap: n_pairs is {n_pairs}; give at least 1")
    images = _first(features, n_pairs)
    captions = _first(caption_features, images.num_rows)
    if captions.num_rows < images.num_rows:
        raise CirqueError(
            f"{listed([str(path) for path in caption_features])}: {captions.num_rows:,} captions for"
            f" {images.num_rows:,} images of {features[0].parent}; the corpus must hold the images' captions"
        )
    usable = pc.equal(images["status"], OK)
    images, captions = images.filter(usable), captions.filter(usable)
    say(f"{images.num_rows:,} pairs; {captions.num_rows:,} captions")
    return _array(images), _array(captions), captions["caption_id"].to_pylist()


def _first(paths: list[Path], n_rows: int) -> pa.Table:
    """The first rows of several files; files behind them are not opened."""
    tables: list[pa.Table] = []
    for path in paths:
        if not tables or sum(table.num_rows for table in tables) < n_rows:
            tables.append(files.read_table(path))
    return pa.concat_tables(tables).slice(0, n_rows)


def _array(table: pa.Table) -> NDArray[np.float32]:
    """The column of features, [n, dim]."""
    dim = table.schema.field("feature").type.list_size
    blocks = (chunk.flatten().to_numpy() for chunk in table["feature"].chunks)
    return np.concatenate([np.zeros(0, np.float32), *blocks]).reshape(-1, dim)
