"""ImageNet-1K as a set of unlabeled images: every `*.JPEG` below `ImageNet1K/{test,val,train}`, sorted by name.

SEARLE inverts the 100,000 test images; its loader takes them in the file system's order, here the order is fixed.
"""

from itertools import pairwise
from pathlib import Path

from cirque.data import folders
from cirque.errors import CirqueError, listed

TITLE = "ImageNet-1K"
SPLITS = ("test", "val", "train")
ENDING = ".JPEG"


def annotation_files(split: str) -> dict[str, str]:
    """None: the image set is its folder."""
    image_folders(split)  # refuses a split that is none
    return {}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of a split's images, relative to the data root."""
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)}")
    return (f"ImageNet1K/{split}",)


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(file name, path) of every image of a split.

    Raises:
        CirqueError: there are none, or two of one name.
    """
    folder = data_root / image_folders(split)[0]
    found = [(path.name, path.relative_to(data_root).as_posix()) for path in folders.files_below(folder, ENDING)]
    if not found:
        raise CirqueError(f"{TITLE} {split}: no *{ENDING} below {folder}; see docs/data.md#imagenet")
    found.sort()
    twice = [name for (name, _), (following, _) in pairwise(found) if name == following]
    if twice:
        raise CirqueError(
            f"{TITLE} {split}: {listed(twice)} lie in more than one folder below {folder}; keep one of each"
        )
    return found
