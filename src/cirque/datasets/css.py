"""CSS (Colour, Shape, Size): find the scene that a scene becomes when objects are added, removed or changed.

Reads the scenes that `generate_css` made, or the release's file where ours is missing in `css/` (spec:
docs/data.md#css). One list of modifications serves both views; an image has one id in 2D and in 3D, so that a query in
2D removes its own reference from a gallery in 3D. All images of the target's label are ground truths.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cirque.css import pictures, release
from cirque.css.release import Split
from cirque.datasets import TrainingSet, Triplet, query_row, state_full_captions
from cirque.errors import CirqueError, listed

TITLE = "CSS"
SPLITS = ("train_3d", "test_3d", "train_2d", "test_2d")

FOLDER = "css/"

#: Where the pictures of each view lie.
VIEWS = {"3d": f"{FOLDER}images", "2d": f"{FOLDER}images_2d"}

SCENES = f"{FOLDER}css_scenes.json"

#: What rules make at every scale, out of nothing.
PREPARED = (SCENES, *VIEWS.values())

#: The release's file of the same content; it is read where ours is missing.
RELEASED = f"{FOLDER}css_toy_dataset_novel2_small.dup.npy"

#: What a person puts there who takes the release.
RELEASE = {"files": (RELEASED,), "folders": (VIEWS["3d"],)}


def annotation_files(split: str) -> dict[str, str]:
    """File of scenes and modifications, relative to the data root; `RELEASED` may lie in its place."""
    _parts(split)
    return {"split": SCENES}


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images, relative to the data root: one for each view."""
    return (VIEWS[_parts(split)[1]],)


def _parts(split: str) -> tuple[str, str]:
    """`train` and `3d` of `train_3d`."""
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there is {', '.join(SPLITS)}")
    name, _, view = split.partition("_")
    return name, view


def _read(data_root: Path, split: str) -> tuple[Path, Split]:
    """Where the split was read, and its content."""
    name, _ = _parts(split)
    ours, released = data_root / SCENES, data_root / RELEASED
    source = released if released.is_file() and not ours.is_file() else ours
    return source, release.read(source)[name]


def _image_ids(split: str, content: Split) -> list[str]:
    name, _ = _parts(split)
    return [pictures.image_id(name, number) for number in range(len(content.images))]


# ---- images and queries --------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, path) of every image in the order of its number: the references, then the targets.

    Raises:
        CirqueError: a record that the file may not hold, with its place.
    """
    _, content = _read(data_root, split)
    _, view = _parts(split)
    return [(image_id, f"{VIEWS[view]}/{image_id}.png") for image_id in _image_ids(split, content)]


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES: each modification's references in turn. Rows share their lists of targets.

    Args:
        data_root: folder that holds `css/`.
        split: train_3d, test_3d, train_2d or test_2d.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of what its targets show}, where there are any.

    Raises:
        CirqueError: a record that the file may not hold, with its place.
    """
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; give no answers")
    where, content = _read(data_root, split)
    image_ids = _image_ids(split, content)
    of_label: dict[int, list[str]] = defaultdict(list)
    for image_id, label in zip(image_ids, content.labels, strict=True):
        of_label[label].append(image_id)
    rows: list[dict[str, Any]] = []
    for number, asked in enumerate(content.asked):
        captions = [asked.text]
        for place, (source, target) in enumerate(zip(asked.sources, asked.targets, strict=True)):
            targets, own = of_label[content.labels[target]], image_ids[source]
            if targets == [own]:
                raise CirqueError(
                    f"{where}: {TITLE} {split}: modification {number} leaves {own} as it is; correct its target"
                )
            rows.append(
                query_row(
                    f"{number}-{place}",
                    own,
                    captions,
                    [name for name in targets if name != own] if own in targets else targets,
                )
            )
    if full_captions is not None:
        state_full_captions(rows, full_captions)
    return rows


# ---- training ------------------------------------------------------------------------------------------------------


def training(data_root: Path, split: str) -> TrainingSet:
    """Triplets of two modifications of one reference, as TIRG's loader draws them.

    The first modification is any, of any of its references; the second is another one of the same reference. The
    number of the image that a draw is for is not used: an epoch draws as often as the split has images.

    Raises:
        CirqueError: a record that the file may not hold, or a reference that only one thing is asked of.
    """
    source, content = _read(data_root, split)
    image_ids = _image_ids(split, content)
    of_reference: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, asked in enumerate(content.asked):
        for reference, target in zip(asked.sources, asked.targets, strict=True):
            of_reference[reference].append((number, target))
    lonely = [image_ids[n] for n, pairs in sorted(of_reference.items()) if len({number for number, _ in pairs}) < 2]
    if lonely:
        raise CirqueError(
            f"{source}: {TITLE} {split}: {len(lonely):,} references have one modification alone ({listed(lonely)}), but"
            " a training asks two of each; make the file anew with more modifications"
        )

    def draw(_: int, rng: np.random.Generator) -> Sequence[Triplet]:
        number = int(rng.integers(len(content.asked)))
        first = content.asked[number]
        place = int(rng.integers(len(first.sources)))
        reference = first.sources[place]
        others = [pair for pair in of_reference[reference] if pair[0] != number]
        other, target = others[rng.integers(len(others))]
        return [
            Triplet(image_ids[reference], first.text, image_ids[first.targets[place]]),
            Triplet(image_ids[reference], content.asked[other].text, image_ids[target]),
        ]

    return TrainingSet(
        image_ids=image_ids, texts=[asked.text for asked in content.asked], triplets_of_a_draw=2, draw=draw
    )
