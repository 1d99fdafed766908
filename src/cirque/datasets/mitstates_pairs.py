"""MIT-States split by pairs of adjective and noun: name a pair that was never seen (spec: docs/data.md#mitstates).

Reads the compositional split of "From Red Wine to Red Tomato" and "Attributes as Operators": a line of a file is
`ADJECTIVE NOUN`. The images are those of the pairs' folders. TIRG's Table 3 learns to put a picture near the words of
its pair, and picks among the unseen pairs.

There is another split of the same data, `compositional-split-natural`: its test pairs are partly those of training.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cirque.data import text_lines
from cirque.datasets import TrainingSet, Triplet, mitstates, query_row
from cirque.datasets.mitstates import Picture
from cirque.errors import CirqueError, listed

TITLE = "MIT-States"

#: Candidates: the unseen pairs alone, as in "Attributes as Operators", or every pair.
PROTOCOLS = ("closed", "open")

#: An image asks for the words of its pair.
GALLERY_OF_TEXTS = True

#: Each split's list of pairs.
FILES = {
    "train_pairs": f"{mitstates.FOLDER}compositional-split/train_pairs.txt",
    "unseen_pairs": f"{mitstates.FOLDER}compositional-split/test_pairs.txt",
}

DOCS = mitstates.DOCS


def annotation_files(split: str) -> dict[str, str]:
    """The lists of pairs, relative to the data root: both, for only together do they tell which split they are."""
    _require_split(split)
    return {f"split_{name}": file for name, file in FILES.items()}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images' folders, relative to the data root; both splits share it."""
    _require_split(split)
    return (f"{mitstates.FOLDER}images",)


def _require_split(split: str) -> None:
    if split not in FILES:
        raise CirqueError(f"{TITLE}: no split of pairs is called {split!r}; there are {', '.join(FILES)}")


def pairs(data_root: Path, split: str) -> list[str]:
    """`ADJECTIVE NOUN` of every pair of a split, in the order of its list.

    Raises:
        CirqueError: a list is missing or has a line that the official one would not contain, or both share pairs.
    """
    _require_split(split)
    of_split = {name: _pairs(data_root / file) for name, file in FILES.items()}
    require_compositional(of_split["train_pairs"], of_split["unseen_pairs"], data_root / FILES["unseen_pairs"])
    return of_split[split]


def _pairs(source: Path) -> list[str]:
    """The lines of one list."""
    found: dict[str, None] = {}
    for number, line in text_lines.read(source, DOCS):
        where, words = f"{source}: line {number}", line.split()
        if len(words) != 2:
            raise CirqueError(
                f"{where}: expected an adjective and a noun, found {line!r:.120}; get the official file again ({DOCS})"
            )
        pair = " ".join(words)
        if pair in found:
            raise CirqueError(f"{where}: {pair} occurs twice; get the official file again ({DOCS})")
        found[pair] = None
    return list(found)


def require_compositional(train: Sequence[str], unseen: Collection[str], source: Path) -> None:
    """Refuse lists of which some pairs are in both, as in the natural split: what is asked for would have been seen.

    Args:
        train: pairs of training.
        unseen: pairs of the test.
        source: file of the latter.

    Raises:
        CirqueError: there are such pairs.
    """
    tested = set(unseen)
    shared = [pair for pair in train if pair in tested]
    if shared:
        raise CirqueError(
            f"{source}: {len(shared):,} of {len(unseen):,} pairs are in train_pairs.txt too ({listed(shared)}); this is"
            " compositional-split-natural, put compositional-split/train_pairs.txt and test_pairs.txt of"
            f" attr-ops-data.tar.gz (1,262 and 700 pairs) there ({DOCS})"
        )


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(folder and file name, path) of every image of a split's pairs, sorted.

    Raises:
        CirqueError: as of `pairs` and `mitstates.pictures`, or a pair has no image.
    """
    return [(picture.image_id, picture.path) for picture in _of_split(data_root, split)]


def labels(data_root: Path, split: str) -> list[str]:
    """`ADJECTIVE NOUN` of every image, in gallery order.

    Raises:
        CirqueError: as of `images`.
    """
    return [picture.caption for picture in _of_split(data_root, split)]


def _of_split(data_root: Path, split: str) -> list[Picture]:
    wanted = dict.fromkeys(pairs(data_root, split))
    found = [picture for picture in mitstates.pictures(data_root) if picture.caption in wanted]
    lacking = list(wanted.keys() - {picture.caption for picture in found})
    if lacking:
        raise CirqueError(
            f"{data_root / FILES[split]}: {len(lacking):,} of {len(wanted):,} pairs have no image in"
            f" {data_root / image_folders(split)[0]} ({listed(sorted(lacking))}); complete the images ({DOCS})"
        )
    return found


def gallery(data_root: Path, split: str, protocol: str = PROTOCOLS[0]) -> list[tuple[str, str]]:
    """(pair, "") of every candidate: those of the split (closed world), or of both splits (open world).

    Raises:
        CirqueError: as of `pairs`.
    """
    splits = [split] if protocol == "closed" else list(FILES)
    return [(pair, "") for name in splits for pair in pairs(data_root, name)]


def queries(
    data_root: Path,
    split: str,
    answers: Path | None = None,
    full_captions: Path | None = None,
    protocol: str = PROTOCOLS[0],
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES, one an image: it has no caption, and its target is its pair.

    Args:
        data_root: folder that holds `mitstates/`.
        split: train_pairs or unseen_pairs.
        answers: none, for nothing is hidden.
        full_captions: none.
        protocol: closed or open; both ask the same.

    Raises:
        CirqueError: as of `images`.
    """
    if answers is not None or full_captions is not None:
        raise CirqueError(f"{answers or full_captions}: {TITLE} tells the pair of each image; give no further file")
    return [
        query_row(picture.image_id, picture.image_id, [], [picture.caption]) for picture in _of_split(data_root, split)
    ]


def training(data_root: Path, split: str) -> TrainingSet:
    """A triplet for each image: no reference, the words of its pair, the image; the vocabulary is that of the pairs.

    Raises:
        CirqueError: as of `images`.
    """
    found = _of_split(data_root, split)

    def draw(number: int, rng: np.random.Generator) -> tuple[Triplet]:
        picture = found[number]
        return (Triplet("", picture.caption, picture.image_id),)

    image_ids = [picture.image_id for picture in found]
    return TrainingSet(image_ids, pairs(data_root, split), triplets_of_a_draw=1, draw=draw, has_references=False)
