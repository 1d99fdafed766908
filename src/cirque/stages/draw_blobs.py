"""Draw the 2D pictures of CSS, as TIRG's released code does."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cirque.css import blobs, pictures, release
from cirque.css.release import Split
from cirque.mini.folders import write_folder
from cirque.progress import progress


def main(*, scenes: Path, images: Path) -> None:
    """Write a PNG of 64 × 64 pixels for each image of both splits.

    Args:
        scenes: File of scenes, ours (JSON) or the release's (.npy).
        images: Folder of the pictures, replaced as a whole.
    """
    write_folder(images, _drawn(release.read(scenes)))


def _drawn(splits: Mapping[str, Split]) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of each picture."""
    total = sum(len(split.images) for split in splits.values())
    every = ((name, number, scene) for name, split in splits.items() for number, scene in enumerate(split.images))
    for name, number, scene in progress(every, total=total, what="draw CSS in 2D", unit="picture"):
        yield pictures.file_name(name, number), pictures.png(blobs.draw(scene))
