"""List the images of a set in gallery order and give each its shard."""

from pathlib import Path

from cirque import datasets
from cirque.data import shards
from cirque.progress import say
from cirque.store import files, schemas


def main(
    *,
    dataset: str,
    split: str,
    image_set: str,
    n_images: int,
    shard_size: int,
    data_root: Path,
    output: Path,
) -> None:
    """Write the manifest of an image set (schemas.IMAGES), once every file of it is there.

    Args:
        dataset: module of cirque.datasets.
        split: split of that data set.
        image_set: name of the set in the configuration; keys of the shards begin with it.
        n_images: how many images the set must have.
        shard_size: images a shard.
        data_root: folder of the data sets.
        output: images.parquet.
    """
    source = datasets.load(dataset)
    images = source.images(data_root, split)
    datasets.require_count(dataset, split, len(images), n_images)
    rows = shards.assign(images, image_set, shard_size)
    shards.require_files(f"{source.TITLE} {split}", rows, data_root, f"docs/data.md#{dataset}")
    files.write_rows(output, rows, schemas.IMAGES)
    say(f"{source.TITLE} {split}: {len(rows):,} images in {rows[-1]['shard'] + 1} shards")
