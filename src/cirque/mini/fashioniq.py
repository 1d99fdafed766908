"""FashionIQ made of generated scenes, with the records of the official files.

Each category has four shapes of its own, as dresses, shirts and tops do not look like each other, and a gallery of
different scenes. The scenes are taken from a grid of few colours and backgrounds: so many of them look like the
reference and many meet the caption, while the target alone does both. Each query is worded twice.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import cycle, islice, permutations, product
from typing import Any

from cirque.errors import CirqueError
from cirque.mini.captions import full_caption
from cirque.mini.cirr import KINDS
from cirque.mini.draws import draws
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, Scene, differences

#: Official category names, and the shapes that belong to each.
SHAPES_OF = {"dress": SHAPES[:4], "shirt": SHAPES[4:8], "toptee": SHAPES[8:]}

#: Val has so many times train's images. (The real train is the larger one. SEARLE's φ learns from train's images, each
#: of which has to be inverted first.)
VAL_PER_TRAIN = 2

#: Train has so many times val's queries, as many as its images give at most. (The real one has three times.)
TRAIN_PER_VAL = 4

#: What the names of Amazon's products are made of, after a B.
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
N_LETTERS = 9


@dataclass(frozen=True)
class Query:
    """Positions of reference and target in the category's gallery, and what two people say."""

    reference: int
    target: int
    captions: list[str]


@dataclass(frozen=True)
class Category:
    """One category: scenes of its gallery in order, image names, queries."""

    name: str
    scenes: list[Scene]
    asins: list[str]
    queries: list[Query]


def make_benchmark(seed: int, n_gallery: int, n_queries: int, split: str = "val") -> list[Category]:
    """Draw gallery and queries of each category.

    Args:
        seed: of every draw.
        n_gallery: images of val, a third in each category; a remainder is left out.
        n_queries: queries of val, likewise.
        split: val, or train, which has fewer images and more queries. The pictures of the two are different, a scene
            may be in both.
    """
    item = ("fashioniq",) if split == "val" else ("fashioniq", split)
    if split == "train":
        n_gallery //= VAL_PER_TRAIN
    n_images = n_gallery // len(SHAPES_OF)
    asins = iter(_asins(n_images * len(SHAPES_OF), draws(seed, *item, "asins")))
    categories = []
    for name, shapes in SHAPES_OF.items():
        rng = draws(seed, *item, name)
        scenes = gallery(shapes, n_images, rng)
        n_own = n_queries // len(SHAPES_OF)
        if split == "train":
            n_own = min(TRAIN_PER_VAL * n_own, _n_pairs(scenes))
        queries = [
            Query(one, other, _captions(scenes[one], scenes[other], draws(seed, *item, name, number)))
            for number, (one, other) in enumerate(_choose_pairs(scenes, n_own, rng))
        ]
        categories.append(Category(name, scenes, list(islice(asins, n_images)), queries))
    return categories


def _asins(count: int, rng: random.Random) -> list[str]:
    """`B00XKDPZ41`: different names in Amazon's form."""
    numbers = rng.sample(range(len(LETTERS) ** N_LETTERS), count)
    return [
        "B" + "".join(LETTERS[n // len(LETTERS) ** place % len(LETTERS)] for place in range(N_LETTERS)) for n in numbers
    ]


def gallery(shapes: tuple[str, ...], n_images: int, rng: random.Random) -> list[Scene]:
    """Different scenes with as few colours and backgrounds as give enough of them, but two of each at least."""
    colours, backgrounds = (rng.sample(values, len(values)) for values in (COLOURS, BACKGROUNDS))
    scenes = [Scene(*values) for values in product(shapes, colours, COUNTS, backgrounds)]
    if n_images > len(scenes):
        most = len(SHAPES_OF) * len(scenes)
        raise CirqueError(f"n_gallery: the categories have {most} different scenes, more were asked for")
    rng.shuffle(scenes)  # what is left out of the largest grid is left out at random
    scenes.sort(key=lambda scene: max(1, colours.index(scene.colour), backgrounds.index(scene.background)))
    return rng.sample(scenes[:n_images], n_images)


def _pairs(scenes: list[Scene], kind: tuple[str, ...]) -> list[tuple[int, int]]:
    """Every reference and target that differ in just the attributes of a kind."""
    alike = defaultdict(list)
    for place, scene in enumerate(scenes):
        alike[tuple(getattr(scene, name) for name in ATTRIBUTES if name not in kind)].append(place)
    return [
        (one, other)
        for places in alike.values()
        for one, other in permutations(places, 2)
        if differences(scenes[one], scenes[other]) == kind
    ]


def _n_pairs(scenes: list[Scene]) -> int:
    """How many references and targets there are of all kinds."""
    return sum(len(_pairs(scenes, kind)) for kind in dict.fromkeys(KINDS))


def _choose_pairs(scenes: list[Scene], n_queries: int, rng: random.Random) -> list[tuple[int, int]]:
    """As many pairs as asked for, of all kinds in turn; a kind that has run out is passed over."""
    waiting = {kind: _pairs(scenes, kind) for kind in dict.fromkeys(KINDS)}
    most = sum(map(len, waiting.values()))
    if n_queries > most:
        raise CirqueError(
            f"n_queries: {len(scenes)} gallery images of a category give {most} queries, {n_queries} were asked for;"
            " raise n_gallery"
        )
    for pairs in waiting.values():
        rng.shuffle(pairs)
    turns = (waiting[kind] for kind in cycle(KINDS))
    return [pairs.pop() for pairs in islice((pairs for pairs in turns if pairs), n_queries)]


def _captions(reference: Scene, target: Scene, rng: random.Random) -> list[str]:
    """What two people say, each in words of their own."""
    first = second = relative_caption(reference, target, rng)
    while second == first:
        second = relative_caption(reference, target, rng)
    return [first, second]


# ---- official files ------------------------------------------------------------------------------------------------


def caption_records(category: Category) -> list[dict[str, Any]]:
    """The records of `cap.{category}.{split}.json`."""
    return [
        {
            "target": category.asins[query.target],
            "candidate": category.asins[query.reference],
            "captions": query.captions,
        }
        for query in category.queries
    ]


def full_captions(benchmark: list[Category]) -> dict[str, str]:
    """The complete caption of each query's target, by query id."""
    return {
        f"{category.name}-{number}": full_caption(category.scenes[query.target])
        for category in benchmark
        for number, query in enumerate(category.queries)
    }
