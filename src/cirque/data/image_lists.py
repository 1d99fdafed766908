"""Lists of downloaded images and their captions, as open_clip's gathering script writes them for web collections.

    for path, caption in image_lists.read(source, "cc3m/cc_data/train", "docs/data.md#cc3m"): …
    collection = Collection("CC3M", "cc3m", {"train": "cc3m/cc/Train_GCC-training_output.csv"}, "docs/data.md#cc3m")

Such a list is TAB-separated with the columns title, the caption, and filepath, from the list's data set on. Of images
that lie in tars, as img2dataset packs them, `write_of_tars` makes it.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cirque.data import annotations, image_tars
from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.store import files, provenance

COLUMNS = ("title", "filepath")

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True)
class Collection:
    """A data set whose images are known by such a list: what its module offers.

    Attributes:
        title: name in print.
        root: folder of the data set, relative to the data root; listed paths begin below it.
        lists: the list of each split, relative to the data root.
        docs: where the person learns how to make the lists.
    """

    title: str
    root: str
    lists: Mapping[str, str]
    docs: str

    def annotation_files(self, split: str) -> dict[str, str]:
        """The list of downloaded images, relative to the data root.

        Raises:
            CirqueError: there is no such split.
        """
        if split not in self.lists:
            known = f"there {'is' if len(self.lists) == 1 else 'are'} {', '.join(self.lists)}"
            raise CirqueError(f"{self.title}: no split is called {split!r}; {known}")
        return {"split": self.lists[split]}

    def image_folders(self, split: str) -> tuple[str, ...]:
        """Folder of the images, relative to the data root."""
        self.annotation_files(split)  # refuses a split that is none
        return (f"{self.root}/cc_data/{split}",)

    def captions(self, data_root: Path, split: str) -> list[tuple[str, str]]:
        """(path below the data set's folder, caption) of every listed image, in the order of the list.

        Raises:
            CirqueError: as of `read`.
        """
        (folder,) = self.image_folders(split)
        return read(data_root / self.annotation_files(split)["split"], folder, self.docs)

    def images(self, data_root: Path, split: str) -> list[tuple[str, str]]:
        """(path below the data set's folder, path relative to the data root) of every listed image, in its order.

        Raises:
            CirqueError: as of `read`.
        """
        return [(name, f"{self.root}/{name}") for name, _ in self.captions(data_root, split)]


def read(source: Path, folder: str, docs: str) -> list[tuple[str, str]]:
    """(path, caption) of every listed image in the order of the list; a caption may be empty.

    Args:
        source: the list.
        folder: of the images, relative to the data root; listed paths leave out its first part, the data set's own.
        docs: where the person learns how to make the list.

    Raises:
        CirqueError: the list lacks a column, a path leaves the folder of the images, or an image is listed twice.
    """
    provenance.read(source)
    try:
        with source.open(encoding="utf-8-sig", newline="\n") as stream:
            lines = enumerate((line.rstrip("\r\n") for line in stream), start=1)
            names = next(lines, (1, ""))[1].split("\t")
            if not set(COLUMNS) <= set(names):
                raise CirqueError(
                    f"{source}: needs the TAB-separated columns {' and '.join(COLUMNS)}, has {', '.join(names)}; see"
                    f" {docs}"
                )
            pairs = []
            for number, line in lines_without_blank_end(lines):
                row = dict(zip(names, cells(f"{source}, line {number}", line, len(names)), strict=True))
                pairs.append((_path(f"{source}: line {number}", row["filepath"], folder), row["title"]))
    except FileNotFoundError as error:
        raise CirqueError(f"{source}: no such file; see {docs}") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{source}: is not UTF-8 ({error}); see {docs}") from error
    annotations.require_unique(f"{source}: image", [path for path, _ in pairs], docs)
    return pairs


def write_of_tars(output: Path, folder: str, data_root: Path, docs: str) -> int:
    """Write the list of all images that lie in a folder's tars; returns their number.

    Args:
        output: the list.
        folder: of the tars, relative to the data root; its first part, the data set's own, is left out of listed paths.
        data_root: folder of the data sets.
        docs: where the person learns how to get the tars.

    Raises:
        CirqueError: there is no tar, one is cut short or altered, or an image has no caption.
    """
    tars = sorted((data_root / folder).glob("*.tar"))
    if not tars:
        raise CirqueError(f"{data_root / folder}: holds no tar of images; see {docs}")
    below = folder.partition("/")[2]
    n_images = 0
    with files.atomic(output) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, delimiter="\t", lineterminator="\n")  # quoted as `cells` reads it
        rows.writerow(COLUMNS)
        for tar in progress(tars, what="listing images", unit="tar"):
            for name, caption in image_tars.captioned(tar):
                rows.writerow((caption, f"{below}/{tar.name}::{name}"))
                n_images += 1
    return n_images


def lines_without_blank_end(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Numbered lines but for blank ones after which nothing comes; one between others is a fault of its own."""
    blank: list[tuple[int, str]] = []
    for number, line in lines:
        if line:
            yield from blank
            blank.clear()
            yield number, line
        else:
            blank.append((number, line))


def cells(where: str, line: str, n_columns: int) -> list[str]:
    """Cells of a line, unquoted as their writer quoted them: pandas quotes each that holds a quote, and doubles that.

    Raises:
        CirqueError: there are more or fewer than the header names.
    """
    found = line.split("\t")
    if len(found) != n_columns:
        raise CirqueError(
            f"{where}: {len(found)} columns where the header names {n_columns}; correct the line, a caption must hold"
            " neither TAB nor line break"
        )
    return [_unquoted(cell) for cell in found]


def _unquoted(cell: str) -> str:
    quoted = _QUOTED.fullmatch(cell)
    return quoted[1].replace('""', '"') if quoted else cell


def _path(where: str, name: str | None, folder: str) -> str:
    """A listed path, which must lie in the folder of the images."""
    # Of millions of rows nearly all are written plainly, and need no object of a path each.
    if name and name.startswith(f"{folder.partition('/')[2]}/") and not re.search(r"//|/\.|/$", name):
        return name
    root, *_ = PurePosixPath(folder).parts
    parts = PurePosixPath(root, name or "").parts
    if ".." in parts or PurePosixPath(*parts[: len(PurePosixPath(folder).parts)]) != PurePosixPath(folder):
        raise CirqueError(f"{where}: filepath must begin with {folder.removeprefix(f'{root}/')}/, found {name!r:.80}")
    return str(PurePosixPath(name or ""))
