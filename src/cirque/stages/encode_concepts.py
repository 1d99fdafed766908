"""Encode the vocabulary: one class embedding a concept, the mean over 24 templates."""

from pathlib import Path

import numpy as np

from cirque import devices, precisions
from cirque.encoders import backbones
from cirque.progress import progress
from cirque.store import schemas, vectors
from cirque.texts import concepts


def main(
    *,
    vocabulary: Path,
    weights: Path,
    output: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.FrozenPrecision = "fp32",
) -> None:
    """Write the L2-normalised class embeddings in the order of the vocabulary.

    Args:
        vocabulary: Open Images class file.
        weights: Weights of the backbone.
        output: Parquet file to write.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the text tower's products are computed in; features are stored in fp32.
    """
    names = concepts.read_vocabulary(vocabulary)
    place = devices.prepare(threads, device, precision)
    backbone = backbones.load(weights, place, dtype=devices.TYPES[precision])
    n_batches = -(-len(names) // concepts.NAMES_AT_ONCE)
    blocks = progress(concepts.class_embeddings(names, backbone), total=n_batches, what="concepts", unit="batch")
    vectors.write(output, names, np.concatenate(list(blocks)), schemas.concept_features(backbone.dim))
