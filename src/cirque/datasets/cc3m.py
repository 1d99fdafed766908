"""CC3M (Conceptual Captions): captioned photographs of the web (spec: docs/data.md#cc3m).

Pic2Word learns from the images that could still be downloaded, listed by open_clip's gathering script; LinCIR from the
captions alone, all of them.
"""

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cirque import annotations, provenance
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


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path within cc3m/, path relative to the data root) of every listed image, in the order of the list.

    Raises:
        CirqueError: the list lacks a column, a path leaves the folder of the images, or an image is listed twice.
    """
    source = data_root / annotation_files(split)["split"]
    (folder,) = image_folders(split)
    names = [_path(where, name, folder) for where, name, _ in _rows(source)]
    annotations.require_unique(f"{source}: image", names, DOCS)
    return [(name, f"cc3m/{name}") for name in names]


def titles(source: Path) -> dict[str, str]:
    """The caption of each image of a list, by the image's name in `images`.

    Raises:
        CirqueError: the list lacks a column, or a row a cell.
    """
    found = {}
    for where, name, title in _rows(source):
        if name is None or title is None:
            raise CirqueError(f"{where}: lacks the title or the filepath; see {DOCS}")
        found[str(PurePosixPath(name))] = title
    return found


def _rows(source: Path) -> Iterator[tuple[str, str | None, str | None]]:
    """Place, image and caption of each line of a list."""
    provenance.read(source)
    try:
        with source.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not {"title", "filepath"} <= set(reader.fieldnames or ()):
                raise CirqueError(
                    f"{source}: needs the TAB-separated columns title and filepath, has {reader.fieldnames}; see {DOCS}"
                )
            for row in reader:
                yield f"{source}: line {reader.line_num}", row["filepath"], row["title"]
    except FileNotFoundError as error:
        raise CirqueError(f"{source}: no such file; see {DOCS}") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{source}: is not UTF-8 ({error}); see {DOCS}") from error


def _path(where: str, name: str | None, folder: str) -> str:
    """A listed path, which must lie in the split's folder of images."""
    parts = PurePosixPath("cc3m", name or "").parts
    if ".." in parts or PurePosixPath(*parts[: len(PurePosixPath(folder).parts)]) != PurePosixPath(folder):
        raise CirqueError(f"{where}: filepath must begin with {folder.removeprefix('cc3m/')}/, found {name!r:.80}")
    return str(PurePosixPath(name or ""))
