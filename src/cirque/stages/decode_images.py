"""Decode the images of a set once, for trainings that see each of them many times."""

from itertools import chain
from pathlib import Path

from cirque.data import decoded, shards
from cirque.encoders import backbones
from cirque.encoders.extraction import decode_all
from cirque.progress import progress, say
from cirque.store import files, schemas


def main(
    *, shards_of_set: list[Path], images: Path, weights: Path, preprocess: str, output: Path, threads: int = 1
) -> None:
    """Write the pixels of every image of a set, uint8 [n, height, width, 3], in gallery order.

    Args:
        shards_of_set: every shard of the image set, in order.
        images: images.parquet of the same image set.
        weights: Weights of a backbone, which says the size of a picture where the preprocessing makes one.
        preprocess: Name of the preprocessing.
        output: .npy file to write.
        threads: Threads that decode.
    """
    rows = files.read_table(images, schemas.IMAGES.names).to_pylist()
    samples = chain.from_iterable(
        shards.read_shard(shard, shards.rows_of(rows, int(shard.stem), images)) for shard in shards_of_set
    )
    size = backbones.sizes(weights).image_size
    pictures = decode_all(samples, preprocess, size, threads)
    decoded.write(output, progress(pictures, total=len(rows), what="images", unit="image"), len(rows))
    say(f"{len(rows):,} images decoded")
