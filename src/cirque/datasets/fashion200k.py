"""Fashion200k: clothes whose captions differ in one word ask for each other (spec: docs/data.md#fashion200k).

Reads the ten label files of the data set and the queries of TIRG's authors. A line of labels is an image, the score of
its detection and a caption, TAB-separated; a line of queries is two images, source and target. The text of a query is
made of both captions: `replace black with red`. Every test image of the target's caption is right.

    training(Path("data/paper"), "train").draw(17, draws.generator(0, "triplet", 17))
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cirque.data import text_lines
from cirque.datasets import TrainingSet, Triplet, query_row, state_full_captions
from cirque.errors import CirqueError

TITLE = "Fashion200k"
SPLITS = ("train", "test")

#: Each has a label file of its own in a split. The released loader takes them in the file system's order.
CATEGORIES = ("dress", "jacket", "pants", "skirt", "top")

FOLDER = "Fashion200k/"

#: An image as label files and queries name it. It is opened below the data root, so that it cannot lead out of it.
PATH = re.compile(r"women(?:/(?!\.)[^/\\\0]+)+")

#: What the released loader puts for signs that its tokens would lose, without spaces around it.
SIGNS = {".": "dotmark", "?": "questionmark", "&": "andmark", "*": "starmark"}

#: Image, score of the detection, caption.
N_COLUMNS = 3

DOCS = "docs/data.md#fashion200k"

T = TypeVar("T")


def annotation_files(split: str) -> dict[str, str]:
    """Official files of a split, relative to the data root: the labels of each category; of test the queries too."""
    _require_split(split)
    labels = {f"split_{name}": f"{FOLDER}labels/{name}_{split}_detect_all.txt" for name in CATEGORIES}
    return labels | ({"queries": f"{FOLDER}test_queries.txt"} if split == "test" else {})


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the cropped images, relative to the data root; both splits share it."""
    _require_split(split)
    return (f"{FOLDER}women",)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)}")


# ---- images and captions -------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(path in the label file, path) of every image, category after category in the order of the label files.

    Raises:
        CirqueError: as of `captions`.
    """
    return [(image_id, FOLDER + image_id) for image_id, _ in captions(data_root, split)]


def captions(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, caption) of every image, with words in place of some signs.

    Raises:
        CirqueError: a label file is missing or has a line that the official one would not contain.
    """
    found: dict[str, str] = {}
    for role, file in annotation_files(split).items():
        if not role.startswith("split"):
            continue
        source = data_root / file
        for number, line in text_lines.read(source, DOCS):
            where = f"{source}: line {number}"
            image_id, caption = _label(where, line)
            if image_id in found:
                raise CirqueError(f"{where}: {image_id} is listed a second time; get the official files again ({DOCS})")
            found[image_id] = caption
    return list(found.items())


def _label(where: str, line: str) -> tuple[str, str]:
    """Image and caption of one line of labels."""
    cells = line.split("\t")
    if len(cells) < N_COLUMNS:
        raise CirqueError(
            f"{where}: expected image, score and caption, TAB-separated, found {line!r:.120};"
            f" get the official file again ({DOCS})"
        )
    _require_path(where, cells[0])
    caption = processed(cells[2])
    if not caption:
        raise CirqueError(f"{where}: the caption of {cells[0]} is empty; get the official file again ({DOCS})")
    return cells[0], caption


def processed(caption: str) -> str:
    """A caption as the released loader takes it: without spaces around, with words in place of some signs."""
    caption = caption.strip()
    for sign, word in SIGNS.items():
        caption = caption.replace(sign, word)
    return caption


def _require_path(where: str, name: str) -> None:
    if not PATH.fullmatch(name):
        raise CirqueError(
            f"{where}: expected an image as women/…/NAME, found {name!r:.120}; get the official file again ({DOCS})"
        )


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES in the order of the official list; the number of its line is the query's id.

    Args:
        data_root: folder that holds `Fashion200k/`.
        split: test.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of the target}, where the data are generated.

    Raises:
        CirqueError: a line that the official files would not contain, with its file and number; or the split is train.
    """
    files = annotation_files(split)
    if "queries" not in files:
        raise CirqueError(f"{TITLE} {split}: has no queries; there are some of test only")
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; give no answers")
    source = data_root / files["queries"]
    caption_of = dict(captions(data_root, split))
    of_caption = by_caption(caption_of)
    rows: list[dict[str, Any]] = []
    for number, line in text_lines.read(source, DOCS):
        reference, target = _query(f"{source}: line {number}", line, caption_of)
        asked, wanted = caption_of[reference], caption_of[target]
        right = of_caption[wanted]
        rows.append(
            query_row(
                str(number),
                reference,
                [modification(asked, wanted)],
                right if asked != wanted else [name for name in right if name != reference],
            )
        )
    if full_captions is not None:
        state_full_captions(rows, full_captions)
    return rows


def _query(where: str, line: str, known: Mapping[str, str]) -> tuple[str, str]:
    """Source and target of one line of queries: two images of the label files."""
    names = line.split()
    if len(names) != 2:
        raise CirqueError(
            f"{where}: expected two images, source and target, found {line!r:.120};"
            f" get the official file again ({DOCS})"
        )
    for name in names:
        _require_path(where, name)
        if name not in known:
            raise CirqueError(
                f"{where}: {name} is in no label file of test; queries and labels are not of one release, get both"
                f" again ({DOCS})"
            )
    reference, target = names
    if reference == target:
        raise CirqueError(f"{where}: {target} is source and target; get the official file again ({DOCS})")
    return reference, target


def modification(source: str, target: str) -> str:
    """`replace X with Y`: the first word of each caption that the other has not; its last one if there is none."""
    return f"replace {_different(source, target)} with {_different(target, source)}"


def _different(caption: str, other: str) -> str:
    words, others = caption.split(), other.split()
    return next((word for word in words if word not in others), words[-1])


# ---- training ------------------------------------------------------------------------------------------------------


def parents(caption: str) -> list[str]:
    """The captions that are left of one without some word, each once, in the order of the words.

    The letters of the word go wherever they occur, in longer words too (`red` in `checkered`), as released.
    """
    return list(dict.fromkeys(caption.replace(word, "").replace("  ", " ").strip() for word in caption.split()))


def by_caption(caption_of: Mapping[str, str]) -> dict[str, list[str]]:
    """The images of each caption, in gallery order; captions in the order of their first image."""
    found: dict[str, list[str]] = defaultdict(list)
    for image_id, caption in caption_of.items():
        found[caption].append(image_id)
    return dict(found)


@dataclass(frozen=True)
class Index:
    """Which captions differ in a word, and draws from them.

    Attributes:
        image_ids: in gallery order.
        caption_of: each image's caption.
        of_caption: the images of each caption.
        families: captions that share a parent, of each parent of two or more, for each caption that has such parents.
    """

    image_ids: Sequence[str]
    caption_of: Mapping[str, str]
    of_caption: Mapping[str, Sequence[str]]
    families: Mapping[str, Sequence[Sequence[str]]]

    def draw(self, number: int, rng: np.random.Generator) -> tuple[Triplet]:
        """The triplet that begins with an image, or with one drawn in its place where nothing differs in a word."""
        while self.caption_of[self.image_ids[number]] not in self.families:
            number = int(rng.integers(len(self.image_ids)))
        reference = self.image_ids[number]
        own = caption = self.caption_of[reference]
        while caption == own:
            caption = _any(_any(self.families[own], rng), rng)
        return (Triplet(reference, modification(own, caption), _any(self.of_caption[caption], rng)),)


def _any(items: Sequence[T], rng: np.random.Generator) -> T:
    return items[int(rng.integers(len(items)))]


def index(captioned: Sequence[tuple[str, str]]) -> Index:
    """Find captions that differ in a word.

    Args:
        captioned: (image id, caption), in gallery order.
    """
    caption_of = dict(captioned)
    of_caption = by_caption(caption_of)
    children: dict[str, list[str]] = defaultdict(list)
    for caption in of_caption:
        for parent in parents(caption):
            children[parent].append(caption)
    families: dict[str, list[Sequence[str]]] = defaultdict(list)
    for family in children.values():
        if len(family) > 1:
            for caption in family:
                families[caption].append(family)
    return Index(list(caption_of), caption_of, of_caption, dict(families))


def training(data_root: Path, split: str) -> TrainingSet:
    """Triplets of images whose captions differ in a word; the vocabulary is that of the captions.

    Raises:
        CirqueError: as of `captions`, or no two captions differ in a word.
    """
    found = index(captions(data_root, split))
    if not found.families:
        raise CirqueError(
            f"{TITLE} {split}: no two captions differ in one word, so that nothing can be learned; get the official"
            f" label files again ({DOCS})"
        )
    texts = [found.caption_of[image_id] for image_id in found.image_ids]
    return TrainingSet(found.image_ids, texts, triplets_of_a_draw=1, draw=found.draw)
