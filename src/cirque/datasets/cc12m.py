"""CC12M (Conceptual 12M): captioned photographs of the web, more and noisier than CC3M's (spec: docs/data.md#cc12m).

Pic2Word learns from the images that could still be downloaded, for its comparison of training data (Supp. Table 4).
They are listed as CC3M's are, by open_clip's gathering script.
"""

from pathlib import Path

from cirque import image_lists
from cirque.errors import CirqueError

TITLE = "CC12M"

#: Split names and the list of each one's downloaded images: TAB-separated, columns title and filepath.
LISTS = {"train": "cc12m/cc/Train_cc12m_output.csv"}

DOCS = "docs/data.md#cc12m"


def annotation_files(split: str) -> dict[str, str]:
    """The list of downloaded images, relative to the data root."""
    if split not in LISTS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there is {', '.join(LISTS)}")
    return {"split": LISTS[split]}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images, relative to the data root."""
    annotation_files(split)  # refuses a split that is none
    return (f"cc12m/cc_data/{split}",)


def captions(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path within cc12m/, caption) of every listed image, in the order of the list.

    Raises:
        CirqueError: the list lacks a column, a path leaves the folder of the images, or an image is listed twice.
    """
    (folder,) = image_folders(split)
    return image_lists.read(data_root / annotation_files(split)["split"], folder, DOCS)


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path within cc12m/, path relative to the data root) of every listed image, in the order of the list.

    Raises:
        CirqueError: as of `captions`.
    """
    return [(name, f"cc12m/{name}") for name, _ in captions(data_root, split)]
