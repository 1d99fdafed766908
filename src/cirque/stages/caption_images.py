"""Caption the images of some shards that are references of a benchmark."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from cirque import devices, precisions
from cirque.data import shards
from cirque.encoders import captioners, extraction, reference_captions
from cirque.encoders.features import OK, require_few_failures
from cirque.errors import listed
from cirque.progress import progress, say
from cirque.store import files


def main(
    *,
    shards_of_part: list[Path],
    images: Path,
    queries: list[Path],
    weights: Path,
    preprocess: str,
    generation: captioners.Generation,
    max_failed: int,
    output: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.WeightPrecision = "fp32",
) -> None:
    """Write the caption of every reference in the shards, or the reason why there is none (schemas.REFERENCE_CAPTIONS).

    Args:
        shards_of_part: tars, named by their numbers, in order.
        images: images.parquet of the same image set, which says what the shards must hold.
        queries: Query files of the benchmarks over the image set, which name the references.
        weights: weights.safetensors of the captioner.
        preprocess: name of the preprocessing.
        generation: Beams and lengths of the search.
        max_failed: how many images of the set may fail; more in these shards alone are an error at once.
        output: the caption file.
        threads: threads of torch, and as many that decode.
        device: auto, cpu or cuda.
        precision: What products are computed in.
    """
    where = devices.prepare(threads, device, precision)
    n_images, samples = shards.read_part(shards_of_part, images)
    references = set(files.read_tables(queries, ["reference_id"])["reference_id"].to_pylist())
    captioner = captioners.load(weights, where)
    of_references = (sample for sample in samples if sample.image_id in references)
    decoded = extraction.decode_all(of_references, preprocess, captioner.image_size, threads)
    captions = _captions(captioner, progress(decoded, what="captions", unit="image"), generation, where.type)
    failed = {name: status for name, _, status in captions if status != OK}
    require_few_failures(failed, n_images, max_failed, listed(shards_of_part))
    reference_captions.write(output, captions)
    empty = sum(caption == "" for _, caption, _ in captions)
    say(f"{len(captions) - len(failed):,} captions, {empty} of them empty; {len(failed)} images failed")


def _captions(
    captioner: captioners.Captioner,
    decoded: Iterable[extraction.Decoded],
    generation: captioners.Generation,
    device: str,
) -> list[tuple[str, str | None, str]]:
    """Image id, caption and status of each image; batches are filled up with black to one size, as for features."""
    size, decoded = extraction.BATCH[device], iter(decoded)
    rows: list[tuple[str, str | None, str]] = []
    while some := list(islice(decoded, size)):
        good = [pixels for _, pixels in some if not isinstance(pixels, str)]
        block = np.zeros((size, captioner.image_size, captioner.image_size, 3), dtype=np.uint8)
        if good:
            block[: len(good)] = good
        written = iter(captioners.generate(captioner, block, generation) if good else [])
        rows += [
            (name, None, pixels) if isinstance(pixels, str) else (name, next(written), OK) for name, pixels in some
        ]
    return rows
