"""Invert the references of one shard as PALAVRA does: f_θ's token, then a few steps of optimisation."""

from pathlib import Path

import numpy as np

from cirque import devices
from cirque.data import references
from cirque.encoders import backbones
from cirque.inversion import palavra as palavra_tokens
from cirque.networks import palavra
from cirque.store import schemas, vectors
from cirque.texts import concepts as association


def main(
    *,
    features: Path,
    concepts: Path,
    phi: Path,
    weights: Path,
    settings: palavra_tokens.Settings,
    output: Path,
    threads: int,
    queries: list[Path] | None = None,
    device: str = "auto",
) -> None:
    """Write the pseudo tokens of a shard's images; nothing is drawn.

    Args:
        features: Feature file of the shard.
        concepts: Nearest concepts of the image set; the first is an image's coarse concept.
        phi: Networks of the trainer palavra.
        weights: Weights of the backbone.
        settings: Of the optimisation.
        output: Parquet file to write.
        threads: Threads for torch.
        queries: Query files; where given, only images that are a reference there are inverted.
        device: auto, cpu or cuda.
    """
    where = devices.prepare(threads, device)
    backbone = backbones.load(weights, where)
    image_ids, array = references.to_invert(features, queries or [], backbone)
    tokens = np.zeros((0, backbone.token_dim), dtype=np.float32)
    if image_ids:
        coarse = [first for (first,) in association.read_nearest(concepts, image_ids, 1)]
        images = palavra_tokens.Images(image_ids, array, coarse)
        tokens = palavra_tokens.optimise(backbone, palavra.load(phi, where), images, settings)
    vectors.write(output, image_ids, tokens, schemas.tokens(backbone.token_dim))
