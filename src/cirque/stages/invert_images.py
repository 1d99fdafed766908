"""Invert the images of one shard: find the pseudo token of each by optimisation (OTI)."""

import contextlib
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from cirque import devices
from cirque.data import references
from cirque.encoders import backbones
from cirque.inversion import oti
from cirque.store import files, provenance, schemas, vectors
from cirque.texts import concepts as association
from cirque.texts import phrase_pool

#: Types of the encoder's products.
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main(
    *,
    features: Path,
    concepts: Path,
    phrases: list[Path],
    phrase_features: list[Path],
    weights: Path,
    settings: oti.Settings,
    seed: int,
    work: Path,
    output: Path,
    threads: int,
    queries: list[Path] | None = None,
    device: str = "auto",
    precision: Literal["fp32", "bf16"] = "fp32",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write the pseudo tokens of a shard's images; a run that was cut off goes on from its last saved step.

    Args:
        features: Feature file of the shard.
        concepts: Nearest concepts of the image set; read by the regularisers phrases and prompt.
        phrases: Phrases of all parts of the vocabulary; read by phrases and, for the vocabulary, by random-word.
        phrase_features: Their features, in the same order; read by phrases.
        weights: Weights of the backbone.
        settings: Losses and optimisation; with lambda_gpt 0 no regulariser is read.
        seed: Seed of everything random.
        work: Folder for the states of unfinished work.
        output: Parquet file to write.
        threads: Threads for torch.
        queries: Query files; where given, only images that are a reference there are inverted.
        device: auto, cpu or cuda.
        precision: fp32, or bf16 for the products of the text tower.
        seconds_between_saves: How many seconds of work a kill may cost.
    """
    where = devices.prepare(threads, device)
    backbone = backbones.load(weights, where)
    image_ids, array = references.to_invert(features, queries or [], backbone)
    tokens = np.zeros((0, backbone.token_dim), dtype=np.float32)
    if image_ids:
        names = _concepts(concepts, image_ids, settings)
        pool = _pool(phrases, phrase_features, names, backbone, settings)
        allowed = _allowed(pool, image_ids, names, settings)
        inputs = [features, weights, *(queries or []), *_read(concepts, phrases, phrase_features, settings)]
        own = work / provenance.fingerprint(
            "invert_images", inputs=inputs, settings=asdict(settings), seed=seed, device=where.type, precision=precision
        )
        images = oti.Images(image_ids, array, allowed)
        tokens = oti.invert(
            backbone,
            images,
            pool,
            settings,
            seed=seed,
            work=own,
            dtype=PRECISIONS[precision],
            seconds_between_saves=seconds_between_saves,
        )
    vectors.write(output, image_ids, tokens, schemas.tokens(backbone.token_dim))
    _clear(work)


# ---- what regularises the images (SEARLE Table 4) -----------------------------------------------------------------


def _read(concepts: Path, phrases: list[Path], phrase_features: list[Path], settings: oti.Settings) -> list[Path]:
    """The files that the regulariser is made from."""
    if not settings.lambda_gpt:
        return []
    return {
        "phrases": [concepts, *phrases, *phrase_features],
        "prompt": [concepts],
        "random-word": phrases,  # their concepts are the vocabulary
    }[settings.regulariser]


def _concepts(path: Path, image_ids: list[str], settings: oti.Settings) -> list[list[str]]:
    """The nearest concepts of each image; none where the regulariser does not ask for them."""
    if not settings.lambda_gpt or settings.regulariser == "random-word":
        return [[] for _ in image_ids]
    return association.read_nearest(path, image_ids, settings.n_concepts)


def _pool(
    phrases: list[Path],
    phrase_features: list[Path],
    names: list[list[str]],
    backbone: backbones.Backbone,
    settings: oti.Settings,
) -> phrase_pool.PhrasePool | None:
    """The phrases to draw from and their features; None without a regulariser."""
    if not settings.lambda_gpt:
        return None
    if settings.regulariser == "random-word":
        return phrase_pool.of_prompts(files.read_tables(phrases, ["concept"])["concept"].to_pylist(), backbone)
    needed = {name for row in names for name in row}
    if settings.regulariser == "prompt":
        return phrase_pool.of_prompts(sorted(needed), backbone)
    pool = phrase_pool.load(phrases, phrase_features, needed)
    return phrase_pool.without_cut_placeholders(pool, backbone, settings.replace)


def _allowed(
    pool: phrase_pool.PhrasePool | None, image_ids: list[str], names: list[list[str]], settings: oti.Settings
) -> list[NDArray[np.int64]]:
    """Rows in the pool of the concepts that each image may draw."""
    if pool is None or settings.regulariser == "random-word":
        return [np.arange(len(pool.rows) if pool else 0)] * len(image_ids)
    return [
        pool.allowed(row, settings.n_concepts, f"image {image_id}")
        for image_id, row in zip(image_ids, names, strict=True)
    ]


# ---- work -----------------------------------------------------------------------------------------------


def _clear(work: Path) -> None:
    """Remove the states of this inversion and of earlier ones, and the folder if nothing else lies in it."""
    if not work.is_dir():
        return
    for folder in work.iterdir():
        if folder.is_dir() and re.fullmatch(r"[0-9a-f]{16}", folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        work.rmdir()
