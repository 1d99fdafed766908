"""Fashion200k made of generated scenes: products whose captions differ in a word, in the layout of the label files.

A caption says all of a scene, in words that each have their place: `red dotted three heart`. Captions come in twos that
differ in a word, so that images can be asked for and learned from. Those of test are not those of train.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from cirque.datasets import fashion200k as official
from cirque.errors import CirqueError
from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, VALUES, Scene, change
from cirque.mini.words import NUMBERS

#: Photographs of one product, which share its caption.
N_VIEWS = 3

#: Names of the categories in paths.
FOLDERS = {"dress": "dresses", "jacket": "jackets", "pants": "pants", "skirt": "skirts", "top": "tops"}

#: Products of a split count from here: two splits share no path.
FIRST_NUMBER = {"train": 10_000_000, "test": 50_000_000}


@dataclass(frozen=True)
class Item:
    """One image: as the label files name it, the category whose file that is, the scene, the score of the detection."""

    image_id: str
    category: str
    scene: Scene
    score: float


def caption(scene: Scene) -> str:
    """`red dotted three heart`."""
    return f"{scene.colour} {scene.background} {NUMBERS[scene.count]} {scene.shape}"


def make_splits(seed: int, n_images: int) -> dict[str, list[Item]]:
    """Draw the images of train and test.

    Args:
        seed: of every draw.
        n_images: of each split.

    Raises:
        CirqueError: they are too few for a product of each category, or more than there are scenes for.
    """
    n_products = -(-n_images // N_VIEWS)
    scenes = [Scene(*values) for values in product(SHAPES, COLOURS, COUNTS, BACKGROUNDS)]
    least, most = len(official.CATEGORIES), len(scenes) // len(official.SPLITS)
    if not least <= n_products <= most:
        raise CirqueError(
            f"n_fashion200k: {n_images:,} images are {n_products:,} products of {N_VIEWS} views; {least} to {most:,}"
            f" products can be drawn, so give {least * N_VIEWS} to {most * N_VIEWS:,}"
        )
    rng = draws(seed, "fashion200k")
    rng.shuffle(scenes)
    paired = _in_twos(scenes, rng)
    return {
        split: list(
            _items(split, [next(paired) for _ in range(n_products)], n_images, draws(seed, "fashion200k", split))
        )
        for split in official.SPLITS
    }


def _in_twos(scenes: Sequence[Scene], rng: random.Random) -> Iterator[Scene]:
    """All scenes, each followed by one whose caption differs in a word, as long as there are such."""
    left = dict.fromkeys(scenes)
    for scene in scenes:
        if scene in left:
            del left[scene]
            yield scene
            near = [other for other in _neighbours(scene) if other in left]
            if near:
                chosen = rng.choice(near)
                del left[chosen]
                yield chosen


def _neighbours(scene: Scene) -> Iterator[Scene]:
    """Scenes whose captions share a parent: not all that differ in one attribute, for `red` is in `checkered`."""
    own = set(official.parents(caption(scene)))
    for attribute in ATTRIBUTES:
        for value in VALUES[attribute]:
            other = change(scene, attribute, value)
            if other != scene and own.intersection(official.parents(caption(other))):
                yield other


def _items(split: str, scenes: Sequence[Scene], n_images: int, rng: random.Random) -> Iterator[Item]:
    """Images, product after product; categories take turns."""
    for number in range(n_images):
        which, view = divmod(number, N_VIEWS)
        category = official.CATEGORIES[which % len(official.CATEGORIES)]
        folder, name = FOLDERS[category], FIRST_NUMBER[split] + which
        image_id = f"women/{folder}/mini_{folder}/{name}/{name}_{view}.jpeg"
        yield Item(image_id, category, scenes[which], rng.random())


def make_queries(seed: int, items: Sequence[Item], n_queries: int) -> list[tuple[str, str]]:
    """Draw queries, source and target: their captions differ in a word, and no source asks for a caption twice.

    Args:
        seed: of every draw.
        items: of test.
        n_queries: how many.

    Raises:
        CirqueError: there are not so many.
    """
    index = official.index([(item.image_id, caption(item.scene)) for item in items])
    asked = [
        (image_id, wanted)
        for image_id, own in index.caption_of.items()
        for wanted in dict.fromkeys(child for family in index.families.get(own, ()) for child in family)
        if wanted != own
    ]
    if not 0 < n_queries <= len(asked):
        raise CirqueError(
            f"n_fashion200k_queries: {n_queries:,} queries of {len(items):,} test images; 1 to {len(asked):,} can be"
            " drawn, lower it or raise n_fashion200k"
        )
    rng = draws(seed, "fashion200k", "queries")
    return [(source, rng.choice(index.of_caption[wanted])) for source, wanted in rng.sample(asked, n_queries)]


# ---- official files ------------------------------------------------------------------------------------------------


def labels(items: Sequence[Item], category: str) -> str:
    """The content of a label file."""
    own = [item for item in items if item.category == category]
    return "".join(f"{item.image_id}\t{item.score:.6f}\t{caption(item.scene)}\n" for item in own)


def query_list(queries: Sequence[tuple[str, str]]) -> str:
    """The content of `test_queries.txt`."""
    return "".join(f"{source} {target}\n" for source, target in queries)


def full_captions(queries: Sequence[tuple[str, str]], scene_of: Mapping[str, Scene]) -> dict[str, str]:
    """The caption of each query's target, by query id: the number of its line."""
    return {str(number): caption(scene_of[target]) for number, (_, target) in enumerate(queries, start=1)}
