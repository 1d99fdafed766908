"""Encode every caption of one part of a corpus, once for all passes and trainings that will read it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from cirque import devices, precisions
from cirque.encoders import backbones, text
from cirque.progress import progress
from cirque.store import files, schemas, vectors

#: Captions that are sorted by length, encoded and written together: at 1,280 floats, 42 MB.
CAPTIONS_AT_ONCE = 8192


def main(
    *,
    captions: Path,
    weights: Path,
    output: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.FrozenPrecision = "fp32",
) -> None:
    """Write the un-normalised text feature of each caption (caption_id, feature), in the order of the captions.

    A caption over the context keeps its first tokens, 75 of CLIP's 77, as LinCIR cuts it.

    Args:
        captions: Captions of one part, as of tag_captions.
        weights: Weights of the backbone.
        output: Parquet file to write.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the text tower's products are computed in; features are stored in fp32.
    """
    table = files.read_table(captions, ["caption_id", "caption"])
    place = devices.prepare(threads, device, precision)
    backbone = backbones.load(weights, place, dtype=devices.TYPES[precision])
    schema = schemas.vectors("caption_id", "feature", backbone.dim)
    starts = range(0, table.num_rows, CAPTIONS_AT_ONCE)
    with files.atomic(output) as partial, pq.ParquetWriter(partial, schema, **files.PARQUET) as writer:
        for start in progress(starts, what="caption features", unit=f"{CAPTIONS_AT_ONCE:,} captions"):
            rows = table.slice(start, CAPTIONS_AT_ONCE)
            ids = text.tokenize(backbone, rows["caption"].to_pylist(), truncate=True)
            with torch.no_grad():
                features = text.encode(backbone, ids).float().cpu().numpy()
            writer.write_table(pa.table([rows["caption_id"], vectors.column(features)], schema=schema))
