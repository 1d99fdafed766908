"""MIT-States: what would this look like in another state: `ripe`, `moldy` (spec: docs/data.md#mitstates).

The release has no list of its images: they lie in folders `ADJECTIVE NOUN`, and the folder's name is the caption. As in
TIRG's code, 49 nouns are kept for the test; every other noun is for training. A query is a test image and an adjective
that its noun has beside the image's own; every image of that adjective and noun is right.

`mitstates_pairs` splits the same images by pairs of adjective and noun instead.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cirque.datasets import TrainingSet, Triplet, query_row, state_full_captions
from cirque.errors import CirqueError, listed

TITLE = "MIT-States"
SPLITS = ("train", "unseen_nouns")

FOLDER = "mitstates/"

#: The nouns of `unseen_nouns`, a fifth of all.
_UNSEEN = """
armor bracelet bush camera candy castle ceramic cheese clock clothes coffee fan fig fish foam forest fruit furniture
garden gate glass horse island laptop lead lightning mirror orange paint persimmon plastic plate potato road rubber sand
shell sky smoke steel stream table tea tomato vacuum wax wheel window wool
"""
UNSEEN_NOUNS = frozenset(_UNSEEN.split())

#: In place of an adjective: images of no state.
NO_STATE = "adj"

ENDING = ".jpg"

DOCS = "docs/data.md#mitstates"


class Picture(NamedTuple):
    """An image: its folder says what it shows."""

    adjective: str
    noun: str
    file: str

    @property
    def caption(self) -> str:
        """`ripe tomato`."""
        return f"{self.adjective} {self.noun}"

    @property
    def image_id(self) -> str:
        """Folder and file name."""
        return f"{self.caption}/{self.file}"

    @property
    def path(self) -> str:
        """Relative to the data root."""
        return f"{FOLDER}images/{self.image_id}"


def annotation_files(split: str) -> dict[str, str]:
    """The release's only table, antonyms of the adjectives, relative to the data root.

    It says that the release was unpacked there, and nothing else: the images are known by their folders.
    """
    _require_split(split)
    return {"antonyms": f"{FOLDER}adj_ants.csv"}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images' folders, relative to the data root; both splits share it."""
    _require_split(split)
    return (f"{FOLDER}images",)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)}")


# ---- images --------------------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(folder and file name, path) of every image of a split, sorted.

    Raises:
        CirqueError: as of `pictures`, or the split has none.
    """
    return [(picture.image_id, picture.path) for picture in _of_split(data_root, split)]


def pictures(data_root: Path) -> list[Picture]:
    """Every image with a state, sorted by folder and file name.

    Left out are files beside the folders, folders without a space (`__MACOSX`), those of the adjective `adj`, and in
    folders what is no `.jpg` (`Thumbs.db`) or begins with a dot.

    Raises:
        CirqueError: there is no image, or images lie in a folder of more than two words.
    """
    root = data_root / FOLDER / "images"
    found: list[Picture] = []
    for name in sorted(_folders(root)):
        words = name.split()
        files = sorted(_jpegs(root / name)) if words[0] != NO_STATE else []
        if files and " ".join(words[:2]) != name:
            raise CirqueError(
                f"{root / name}: holds images, but its name is not an adjective, a space and a noun; give it back its"
                f" name or move it away ({DOCS})"
            )
        found += [Picture(words[0], words[1], file) for file in files]
    if not found:
        raise CirqueError(
            f"{TITLE}: no *{ENDING} in folders 'ADJECTIVE NOUN' below {root}; the space in their names must stay, see"
            f" {DOCS}"
        )
    return found


def _folders(root: Path) -> list[str]:
    """Names of folders with a space in them."""
    return [entry.name for entry in _entries(root) if len(entry.name.split()) > 1 and entry.is_dir()]


def _jpegs(folder: Path) -> list[str]:
    """Names of images in a folder."""
    names = [entry.name for entry in _entries(folder)]
    return [name for name in names if name.lower().endswith(ENDING) and not name.startswith(".")]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, all names in letters."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as error:
        raise CirqueError(
            f"{TITLE}: cannot read the folder {folder} ({error.strerror or error}); see {DOCS}"
        ) from error
    for entry in found:
        if any("\ud800" <= letter <= "\udfff" for letter in entry.name):
            raise CirqueError(f"{folder}: the name {entry.name!r} is not UTF-8; rename it")
    return found


def _of_split(data_root: Path, split: str) -> list[Picture]:
    _require_split(split)
    is_unseen = split == "unseen_nouns"
    found = [picture for picture in pictures(data_root) if (picture.noun in UNSEEN_NOUNS) == is_unseen]
    if not found:
        raise CirqueError(f"{TITLE} {split}: no image of its nouns is in {data_root / FOLDER / 'images'}; see {DOCS}")
    return found


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES, image after image in gallery order, each with the other adjectives of its noun, sorted.

    A query's id is the number of its image, from 0, and its adjective: `17-ripe`. Rows share their lists: 82,732
    queries have some 400 lists of targets between them.

    Args:
        data_root: folder that holds `mitstates/`.
        split: train or unseen_nouns.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of the targets}, where the data are generated.

    Raises:
        CirqueError: as of `images`.
    """
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; give no answers")
    found = _of_split(data_root, split)
    of_noun = by_noun(found)
    texts = {adjective: [adjective] for adjectives in of_noun.values() for adjective in adjectives}
    rows: list[dict[str, Any]] = [
        query_row(f"{number}-{adjective}", picture.image_id, texts[adjective], targets)
        for number, picture in enumerate(found)
        for adjective, targets in of_noun[picture.noun].items()
        if adjective != picture.adjective
    ]
    if full_captions is not None:
        state_full_captions(rows, full_captions)
    return rows


def by_noun(found: Iterable[Picture]) -> dict[str, dict[str, list[str]]]:
    """Image ids of each adjective of each noun; adjectives in the order in which they come."""
    nested: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for picture in found:
        nested[picture.noun][picture.adjective].append(picture.image_id)
    return {noun: dict(adjectives) for noun, adjectives in nested.items()}


# ---- training ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """Draws of two targets for one image.

    Attributes:
        found: the images, in gallery order.
        of_noun: image ids of each adjective of each noun, two adjectives or more.
    """

    found: Sequence[Picture]
    of_noun: Mapping[str, Mapping[str, Sequence[str]]]

    def draw(self, number: int, rng: np.random.Generator) -> tuple[Triplet, Triplet]:
        """Two triplets that begin with an image; their texts differ, and one may be the image's own adjective."""
        source = self.found[number]
        images_of = self.of_noun[source.noun]
        adjectives = list(images_of)
        first = second = 0
        while first == second:
            first, second = (int(place) for place in rng.integers(len(adjectives), size=2))
        one, other = (self._triplet(source, adjectives[place], rng) for place in (first, second))
        return one, other

    def _triplet(self, source: Picture, adjective: str, rng: np.random.Generator) -> Triplet:
        targets = self.of_noun[source.noun][adjective]
        return Triplet(source.image_id, adjective, targets[int(rng.integers(len(targets)))])


def training(data_root: Path, split: str) -> TrainingSet:
    """Two triplets for each image: other states of its noun; the vocabulary is that of the folders' names.

    Raises:
        CirqueError: as of `images`, or a noun has one adjective only.
    """
    found = _of_split(data_root, split)
    of_noun = by_noun(found)
    lone = [noun for noun, adjectives in of_noun.items() if len(adjectives) < 2]
    if lone:
        raise CirqueError(
            f"{TITLE} {split}: {listed(lone)} in {data_root / FOLDER / 'images'}: one adjective only, two are needed to"
            f" ask for another state; complete the images ({DOCS})"
        )
    texts = list(dict.fromkeys(picture.caption for picture in found))
    image_ids = [picture.image_id for picture in found]
    return TrainingSet(image_ids, texts, triplets_of_a_draw=2, draw=Pairs(found, of_noun).draw)
