"""CC3M (Conceptual Captions): captioned photographs of the web (spec: docs/data.md#cc3m).

Pic2Word learns from the images that could still be downloaded, listed by open_clip's gathering script; LinCIR from the
captions alone, all of them.
"""

from pathlib import Path

from cirque import image_lists
from cirque.errors import CirqueError

TITLE = "CC3M"

#: Split names and the list of each one's downloaded images: TAB-separated, columns title and filepath.
LISTS = {
    "train": "cc3m/cc/Train_GCC-training_output.csv",
    "val": "cc3m/cc/Validation_GCC-1.1.0-Validation_output.csv",
}

DOCS = "docs/data.md#cc3m"


def annotation_files(split: str) -> dict[str, str]:
    """The list of downloaded images, relative to the data root."""
    if split not in LISTS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(LISTS)}")
    return {"split": LISTS[split]}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images, relative to the data root."""
    annotation_files(split)  # refuses a split that is none
    return (f"cc3m/cc_data/{split}",)


def captions(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path within cc3m/, caption) of every listed image, in the order of the list.

    Raises:
        CirqueError: the list lacks a column, a path leaves the folder of the images, or an image is listed twice.
    """
    (folder,) = image_folders(split)
    return image_lists.read(data_root / annotation_files(split)["split"], folder, DOCS)


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path within cc3m/, path relative to the data root) of every listed image, in the order of the list.

    Raises:
        CirqueError: as of `captions`.
    """
    return [(name, f"cc3m/{name}") for name, _ in captions(data_root, split)]
