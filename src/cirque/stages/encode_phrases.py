"""Encode every phrase of one part of the vocabulary, once for all images and epochs that will draw it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from cirque import devices, precisions
from cirque.encoders import backbones, text
from cirque.progress import progress
from cirque.store import files, provenance, schemas, vectors

#: Concepts whose phrases are encoded and written together: at 256 phrases of 768 floats, 13 MB.
CONCEPTS_AT_ONCE = 16


def main(
    *,
    phrases: Path,
    weights: Path,
    output: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.FrozenPrecision = "fp32",
) -> None:
    """Write the L2-normalised text features of the phrases, concept by concept, in the order of the phrases.

    Args:
        phrases: Phrases of one part.
        weights: Weights of the backbone.
        output: Parquet file to write.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the text tower's products are computed in; features are stored in fp32.
    """
    table = files.read_table(phrases, ["concept", "phrases"])
    place = devices.prepare(threads, device, precision)
    backbone = backbones.load(weights, place, dtype=devices.TYPES[precision])
    schema = schemas.phrase_features(backbone.dim)
    starts = range(0, table.num_rows, CONCEPTS_AT_ONCE)
    # Numbers of a feature hardly repeat: by a dictionary for each group the file would be half as large again.
    options = {**files.PARQUET, "use_dictionary": False}
    with files.atomic(output) as partial, pq.ParquetWriter(partial, schema, **options) as writer:
        for start in progress(starts, what="phrase features", unit=f"{CONCEPTS_AT_ONCE} concepts"):
            rows = table.slice(start, CONCEPTS_AT_ONCE).combine_chunks()
            texts = rows["phrases"].chunk(0).flatten().to_pylist()
            ends = np.cumsum([0, *(len(row) for row in rows["phrases"])])
            lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), vectors.column(_encode(backbone, texts)))
            made = pa.table([rows["concept"], lists], schema=schema)
            writer.write_table(made, row_group_size=schemas.CONCEPTS_OF_A_GROUP)
    provenance.wrote_groups(output)


def _encode(backbone: backbones.Backbone, texts: list[str]) -> np.ndarray:
    """Normalised features [n, dim]; a phrase over the context is cut, as released."""
    ids = text.tokenize(backbone, texts, truncate=True)
    with torch.no_grad():
        features = torch.nn.functional.normalize(text.encode(backbone, ids), dim=-1)
    return features.float().cpu().numpy()
