"""The data sets, one module each, found by name: a parser from official files to images and queries.

A module has `TITLE` (its name in messages and in the papers' tables), `annotation_files(split)` (role → path; a
file that lists images has a role that begins with `split`), `image_folders(split)` and `images(data_root, split)` (in
gallery order), all paths relative to the data root. Where an image is a part of its file,
`derive(image_id, data)` makes it.

A module whose images have captions has `captions`; one that a composition can be trained on has `training`, and one
whose triplets are listed one by one `triplets`. A
benchmark's module also has `queries`, and `gallery` unless its gallery is its image set; `GALLERY_OF_TEXTS = True` if
images ask for texts. Where papers disagree on either, `PROTOCOLS` names the ways, the usual one first. What rules make
of files of a data set, or out of nothing, is PREPARED, of what is GIVEN. For rehearsals, `files_of_images` says which
files of which size must be drawn, where these are not just the images' paths, and `stand_in_list` makes a list of
images that no annotation file has. Nothing else in the package knows the modules' names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from cirque.data import annotations
from cirque.errors import CirqueError, listed
from cirque.families import DATASETS


class Dataset(Protocol):
    """What each module of this folder offers."""

    TITLE: str

    def annotation_files(self, split: str) -> dict[str, str]:
        """Files that the parser reads, by role, relative to the data root."""

    def image_folders(self, split: str) -> tuple[str, ...]:
        """Folders that a split's images lie in, relative to the data root."""

    def images(self, data_root: Path, split: str) -> list[tuple[str, str]]:
        """(image_id, path relative to the data root) of every image, in gallery order."""


class Benchmark(Dataset, Protocol):
    """A data set with composed queries."""

    def queries(
        self, data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None, **how: str
    ) -> list[dict[str, Any]]:
        """Rows of schemas.QUERIES in the order of the annotation file; `how` is the protocol, if there are several."""


class Captioned(Dataset, Protocol):
    """A data set whose images have captions."""

    def captions(self, data_root: Path, split: str) -> list[tuple[str, str]]:
        """(image_id, caption) of every image, in gallery order; a caption may be empty."""


class Triplet(NamedTuple):
    """What a supervised composition learns from: the target is the reference, changed as the text says."""

    reference_id: str
    text: str
    target_id: str


class WordedTriplet(NamedTuple):
    """A triplet as its annotation file lists it: what one person or several say of the change, verbatim."""

    reference_id: str
    captions: Sequence[str]
    target_id: str


@dataclass(frozen=True)
class TrainingSet:
    """Triplets that are drawn as the training goes.

    Attributes:
        image_ids: of the split, in gallery order; an epoch passes them once.
        texts: that the vocabulary is made of.
        triplets_of_a_draw: 2 where two neighbours of a batch share their reference; else 1.
        draw: the triplets that begin with the image of some number in `image_ids`, from a stream of random numbers.
        has_references: whether a query has an image; else it is an adjective and a noun alone, to name the target.
    """

    image_ids: Sequence[str]
    texts: Sequence[str]
    triplets_of_a_draw: int
    draw: Callable[[int, np.random.Generator], Sequence[Triplet]]
    has_references: bool = True

    @classmethod
    def of_triplets(cls, image_ids: Sequence[str], triplets: Sequence[Triplet]) -> "TrainingSet":
        """Triplets that are listed one by one; each is drawn as often as any other, whatever image a draw is for.

        An image is the reference of none to many of them: by image, those of a rare reference would be drawn more
        often, and images of none would need another rule. One whose text has no letter or digit of ASCII is not drawn.

        Raises:
            CirqueError: that leaves nothing.
        """
        drawn = [one for one in triplets if any(sign.isascii() and sign.isalnum() for sign in one.text)]
        if not drawn:
            raise CirqueError(f"{len(triplets):,} triplets, but none has a text with a word; complete the annotations")

        def draw(_: int, rng: np.random.Generator) -> Sequence[Triplet]:
            return (drawn[int(rng.integers(len(drawn)))],)

        return cls(image_ids, [one.text for one in triplets], triplets_of_a_draw=1, draw=draw)


class Trained(Dataset, Protocol):
    """A data set that supervised compositions are trained on."""

    def training(self, data_root: Path, split: str) -> TrainingSet:
        """Triplets of a split.

        Raises:
            CirqueError: an official file is wrong, or nothing can be learned from it.
        """


class Listed(Dataset, Protocol):
    """A data set whose triplets are listed one by one."""

    def triplets(self, data_root: Path, split: str) -> list[WordedTriplet]:
        """Triplets of a split, in the order of the annotation files.

        Raises:
            CirqueError: an official file is wrong, or the split hides its targets.
        """


def names() -> list[str]:
    """Every data set that has a module here."""
    return DATASETS.names()


def load(name: str) -> Dataset:
    """The module of a data set.

    Raises:
        CirqueError: there is none of that name.
    """
    return cast(Dataset, DATASETS.load(name))


def load_benchmark(name: str) -> Benchmark:
    """The module of a data set with queries.

    Raises:
        CirqueError: there is none of that name, or it holds images only.
    """
    dataset = load(name)
    if not hasattr(dataset, "queries"):
        raise CirqueError(f"data set {name}: holds images but no queries, so it cannot be a benchmark")
    return cast(Benchmark, dataset)


def load_captioned(name: str) -> Captioned:
    """The module of a data set with captions.

    Raises:
        CirqueError: there is none of that name, or its images have no captions.
    """
    dataset = load(name)
    if not hasattr(dataset, "captions"):
        raise CirqueError(f"data set {name}: its images have no captions, so that no CLIP can be fine-tuned on them")
    return cast(Captioned, dataset)


def load_trained(name: str) -> Trained:
    """The module of a data set that compositions are trained on.

    Raises:
        CirqueError: there is none of that name, or it has no training triplets.
    """
    dataset = load(name)
    if not hasattr(dataset, "training"):
        raise CirqueError(f"data set {name}: has no triplets for training, so that no composition can learn from it")
    return cast(Trained, dataset)


def load_listed(name: str) -> Listed:
    """The module of a data set whose triplets are listed one by one.

    Raises:
        CirqueError: there is none of that name, or it lists no triplets.
    """
    dataset = load(name)
    if not hasattr(dataset, "triplets"):
        raise CirqueError(f"data set {name}: lists no triplets one by one, so that no combiner can learn from it")
    return cast(Listed, dataset)


def protocol(name: str, wanted: str | None) -> dict[str, str]:
    """The protocol of a benchmark as an argument of its module's `queries` and `gallery`; none where it has but one.

    Raises:
        CirqueError: it has no such protocol.
    """
    known: tuple[str, ...] = getattr(load_benchmark(name), "PROTOCOLS", ())
    if wanted is not None and wanted not in known:
        raise CirqueError(f"data set {name}: no protocol is called {wanted!r}; there are {listed(known, 99) or 'none'}")
    return {"protocol": wanted or known[0]} if known else {}


def gallery(name: str, data_root: Path, split: str, wanted: str | None = None) -> list[tuple[str, str]]:
    """(image_id, group) of every candidate in the order that breaks ties; by default the image set, in one group.

    Raises:
        CirqueError: as of `protocol`, or an official file is wrong.
    """
    benchmark = load_benchmark(name)
    if hasattr(benchmark, "gallery"):
        found: list[tuple[str, str]] = benchmark.gallery(data_root, split, **protocol(name, wanted))
        return found
    return [(image_id, "") for image_id, _ in benchmark.images(data_root, split)]


#: Of a query without tags; no row changes it.
_NO_TAGS: list[str] = []


def query_row(query_id: str, reference_id: str, captions: list[str], target_ids: list[str]) -> dict[str, Any]:
    """A row of schemas.QUERIES that asks all of one gallery; rows may share their lists."""
    return {
        "query_id": query_id,
        "reference_id": reference_id,
        "captions": captions,
        "target_ids": target_ids,
        "candidate_ids": None,
        "subset_ids": None,
        "group": "",
        "tags": _NO_TAGS,
        "full_caption": None,
    }


def state_full_captions(rows: Sequence[dict[str, Any]], source: Path) -> None:
    """Enter what targets show into the queries of generated data.

    Args:
        rows: of schemas.QUERIES.
        source: {query id: caption of its targets}.

    Raises:
        CirqueError: a query is missing there, or strange.
    """
    stated = annotations.by_key(source, [row["query_id"] for row in rows], str, "queries", what="query id")
    for row in rows:
        row["full_caption"] = stated[row["query_id"]]


def asks_for_texts(name: str) -> bool:
    """Whether the candidates of a benchmark are texts, which its images ask for."""
    return bool(getattr(load(name), "GALLERY_OF_TEXTS", False))


def derivation(name: str) -> Callable[[str, bytes], bytes] | None:
    """What makes an image of a data set from its name and the bytes of its file; None where it is the whole file."""
    found: Callable[[str, bytes], bytes] | None = getattr(load(name), "derive", None)
    return found


#: Width and height in pixels.
Size = tuple[int, int]


def files_of_images(name: str, data_root: Path, split: str) -> dict[str, Size | None]:
    """Path of each file that a split's images are made of, with the size that it must have, if it matters.

    Raises:
        CirqueError: an official file is wrong.
    """
    dataset = load(name)
    if hasattr(dataset, "files_of_images"):
        found: dict[str, Size | None] = dataset.files_of_images(data_root, split)
        return found
    return dict.fromkeys(path for _, path in dataset.images(data_root, split))


def stand_in_list(name: str) -> Callable[[Path, int], Any] | None:
    """What makes a list of so many images of what queries name, where the official one is not at hand; or None."""
    found: Callable[[Path, int], Any] | None = getattr(load(name), "stand_in_list", None)
    return found


def require_count(dataset: str, split: str, n_listed: int, n_images: int) -> None:
    """Refuse an image set of another size than the configuration says.

    Raises:
        CirqueError: counts differ; shards planned from `n_images` would lose images or be empty.
    """
    if n_listed != n_images:
        raise CirqueError(
            f"{load(dataset).TITLE} {split}: {n_listed:,} images are listed, but n_images in the configuration is "
            f"{n_images:,}; complete the data (docs/data.md#{dataset}) or correct n_images"
        )
