"""Invert the images of one shard: find the pseudo token of each by optimisation (OTI)."""

import contextlib
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from cirque import backbones, devices, files, oti, phrase_pool, provenance, schemas, vectors
from cirque import concepts as association
from cirque import features as image_features
from cirque.errors import CirqueError
from cirque.progress import say

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
        concepts: Nearest concepts of the image set.
        phrases: Phrases of all parts of the vocabulary.
        phrase_features: Their features, in the same order.
        weights: Weights of the backbone.
        settings: Losses and optimisation.
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
    image_ids, array = _images(features, queries or [], backbone)
    tokens = np.zeros((0, backbone.token_dim), dtype=np.float32)
    if image_ids:
        names = association.read_nearest(concepts, image_ids, settings.n_concepts)
        needed = {name for row in names for name in row}
        pool = phrase_pool.load(phrases, phrase_features, needed)
        pool = phrase_pool.without_cut_placeholders(pool, backbone, settings.replace)
        usable = [
            pool.allowed(row, settings.n_concepts, f"image {image_id}")
            for image_id, row in zip(image_ids, names, strict=True)
        ]
        inputs = [features, concepts, *phrases, *phrase_features, weights, *(queries or [])]
        own = work / provenance.fingerprint(
            "oti", inputs, settings=asdict(settings), seed=seed, device=where.type, precision=precision
        )
        images = oti.Images(image_ids, array, usable)
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


def _clear(work: Path) -> None:
    """Remove the states of this inversion and of earlier ones, and the folder if nothing else lies in it."""
    if not work.is_dir():
        return
    for folder in work.iterdir():
        if folder.is_dir() and re.fullmatch(r"[0-9a-f]{16}", folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        work.rmdir()


def _images(path: Path, queries: list[Path], backbone: backbones.Backbone) -> tuple[list[str], np.ndarray]:
    """Images to invert, in the shard's order, and their features [n, dim]."""
    table = files.read_table(path, ["image_id", "status"])
    statuses = table["status"].to_pylist()
    rows = zip(table["image_id"].to_pylist(), statuses, strict=True)
    good = [name for name, status in rows if status == image_features.OK]
    wanted = good
    if queries:
        references = set(files.read_tables(queries, ["reference_id"])["reference_id"].to_pylist())
        wanted = [name for name in good if name in references]
    failed = len(statuses) - len(good)
    say(f"{path}: {len(statuses)} images, {failed} of them failed and left out; {len(wanted)} to invert")
    if not wanted:
        return [], np.zeros((0, backbone.dim), dtype=np.float32)
    names, array = image_features.load_features([path], wanted)
    if array.shape[1] != backbone.dim:
        raise CirqueError(
            f"{path}: features of {array.shape[1]} dimensions, but backbone {backbone.name} has {backbone.dim}; give"
            " the weights that made the features"
        )
    return names, array
