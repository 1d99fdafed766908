"""Draw a picture under every file name of an image set, in place of photographs that are not to be had."""

from pathlib import Path

from cirque import datasets
from cirque.mini.pictures import draw
from cirque.progress import say
from cirque.store import files


def main(
    *,
    dataset: str,
    split: str,
    seed: int,
    image_size: int,
    n_distinct: int,
    data_root: Path,
    folders: list[Path],
    drawn: Path,
) -> None:
    """Draw the files that the data set's own parser reads from the official lists.

    Args:
        dataset: Module of cirque.datasets.
        split: Split of that data set.
        seed: Seed of the pictures.
        image_size: Shorter side in pixels, where the data set does not say the size.
        n_distinct: How many pictures of a folder differ; the other names are hard links.
        data_root: Folder of the data sets.
        folders: To draw into; files elsewhere are made by other stages.
        drawn: How many files of how many different pictures each folder has, as JSON.
    """
    wanted = datasets.files_of_images(dataset, data_root, split)
    counts = {}
    for folder in folders:
        below = f"{folder.relative_to(data_root).as_posix()}/"
        names = {path.removeprefix(below): size for path, size in wanted.items() if path.startswith(below)}
        n_pictures = draw(names, seed, image_size, n_distinct, folder)
        counts[below] = {"files": len(names), "pictures": n_pictures}
        say(f"{folder}: {len(names):,} files, {n_pictures:,} different pictures")
    files.write_json(drawn, counts)
