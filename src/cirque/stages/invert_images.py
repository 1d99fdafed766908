"""Invert the images of a part of a set: find the pseudo token of each by the inversion of that name."""

import contextlib
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from cirque import devices, precisions
from cirque.commandline import accepted
from cirque.encoders import backbones, references
from cirque.families import INVERSIONS
from cirque.store import schemas, vectors

FAMILY = INVERSIONS

#: What the stage makes for an inversion besides its own options.
GIVEN = ("backbone", "image_ids", "image_vectors", "inputs", "dtype")


def main(
    inversion: str,
    *,
    features: Path,
    weights: Path,
    seed: int,
    work: Path,
    output: Path,
    threads: int,
    queries: list[Path] | None = None,
    device: str = "auto",
    precision: precisions.Precision = "fp32",
    seconds_between_saves: float = 60.0,
    **inputs: Any,
) -> None:
    """Write the pseudo tokens of a part's images.

    Args:
        inversion: Module of cirque.inversion.
        features: Feature file of the part.
        weights: Weights of the backbone.
        seed: Seed of everything random.
        work: Folder for the states of unfinished work.
        output: Parquet file to write.
        threads: Threads for torch.
        queries: Query files; where given, only images that are a reference there are inverted.
        device: auto, cpu or cuda.
        precision: What the frozen tower's products are computed in; tokens and losses are fp32.
        seconds_between_saves: How many seconds of work a kill may cost.
        **inputs: What the inversion reads by name.
    """
    own_device = devices.prepare(threads, device, precision)
    backbone = backbones.load(weights, own_device, f"the inversion {inversion}")
    image_ids, array = references.to_invert(features, queries or [], backbone)
    tokens = np.zeros((0, backbone.token_dim), dtype=np.float32)
    if image_ids:
        invert = INVERSIONS.load(inversion).invert
        made = {
            "backbone": backbone, "image_ids": image_ids, "image_vectors": array, "device": own_device,
            "inputs": [features, weights, *(queries or [])], "seed": seed, "work": work,
            "seconds_between_saves": seconds_between_saves, "dtype": devices.TYPES[precision],
        }  # fmt: skip
        tokens = invert(**inputs, **accepted(invert, made))
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
