"""Pack one shard of an image set into a webdataset tar."""

from pathlib import Path

from cirque import datasets
from cirque.data import image_tars, shards
from cirque.progress import say
from cirque.store import files, schemas


def main(*, images: Path, shard: int, data_root: Path, output: Path, dataset: str | None = None) -> None:
    """Write the files of a shard's images, unchanged, to a tar that is byte for byte alike when made again.

    Args:
        images: images.parquet of the image set.
        shard: number of the shard.
        data_root: folder that the images' paths are relative to.
        output: the tar.
        dataset: module of cirque.datasets whose `derive` makes the images out of the files, if they are parts of them.
    """
    derive = datasets.derivation(dataset) if dataset else None
    rows = shards.read_rows(images, shard)
    if not all(image_tars.is_there(data_root, row["path"]) for row in rows):
        everything = files.read_table(images, schemas.IMAGES.names).to_pylist()
        shards.require_files(rows[0]["key"].rpartition("-")[0], everything, data_root)
    total = shards.write_shard(output, rows, data_root, derive)
    say(f"shard {shard}: {len(rows):,} images, {total / 1e6:,.1f} MB")
