"""CIRCO made of generated scenes, with the records of the official files.

A query changes one attribute of its reference or two, keeps one or two, and leaves one open. Every image of the gallery
that keeps what is kept and shows what is asked is a ground truth, whatever it does with the open one: several, as in
CIRCO, while others meet the caption alone or the reference alone.
"""

import random
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from cirque.errors import CirqueError
from cirque.mini.captions import full_caption, noun_phrase
from cirque.mini.draws import draws
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, VALUES, Scene, change

SPLITS = ("val", "test")

#: COCO's ids are below this.
ID_LIMIT = 600_000

#: What queries change, in turn: each attribute alone, then each two together.
KINDS: tuple[tuple[str, ...], ...] = (*[(name,) for name in ATTRIBUTES] * 3, *combinations(ATTRIBUTES, 2))

#: References that are tried until one has a ground truth.
MOST_TRIES = 1000

#: First words of a caption that speaks to the one who searches.
ORDERS = ("make", "change", "put", "replace", "show", "add", "remove", "turn")


@dataclass(frozen=True)
class Gallery:
    """The images that both splits share: scenes and COCO's numbers for them, in the order of the info file."""

    scenes: list[Scene]
    ids: list[int]

    def file_names(self) -> list[str]:
        """`000000271520.jpg`."""
        return [f"{number:012d}.jpg" for number in self.ids]


@dataclass(frozen=True)
class Query:
    """Positions in the gallery, what is said, and what remains open."""

    reference: int
    truths: list[int]  # the single target first
    caption: str
    concept: str
    aspects: list[str]
    wanted: Scene
    open: str


def make_gallery(seed: int, n_images: int) -> Gallery:
    """Draw different scenes, each for one image."""
    grid = list(product(SHAPES, COLOURS, COUNTS, BACKGROUNDS))
    if n_images > len(grid):
        raise CirqueError(f"n_gallery: the world has {len(grid)} different scenes, {n_images} were asked for")
    rng = draws(seed, "circo", "gallery")
    return Gallery([Scene(*values) for values in rng.sample(grid, n_images)], rng.sample(range(1, ID_LIMIT), n_images))


def make_queries(seed: int, split: str, gallery: Gallery, n_queries: int) -> list[Query]:
    """Draw the queries of one split."""
    places = {scene: i for i, scene in enumerate(gallery.scenes)}
    return [
        _query(gallery, places, KINDS[number % len(KINDS)], draws(seed, "circo", split, number))
        for number in range(n_queries)
    ]


def _query(gallery: Gallery, places: dict[Scene, int], changed: tuple[str, ...], rng: random.Random) -> Query:
    """Draw references until one has a ground truth."""
    rest = [name for name in ATTRIBUTES if name not in changed]
    for _ in range(MOST_TRIES):
        reference, left_open = rng.randrange(len(gallery.scenes)), rng.choice(rest)
        wanted = gallery.scenes[reference]
        for name in changed:
            wanted = change(wanted, name, rng.choice([v for v in VALUES[name] if v != getattr(wanted, name)]))
        meeting = (places.get(change(wanted, left_open, value)) for value in VALUES[left_open])
        truths = sorted(place for place in meeting if place is not None)
        if truths:
            break
    else:
        raise CirqueError("n_gallery: too few images for queries with a ground truth; raise it")
    target = places.get(wanted, rng.choice(truths))
    caption = relative_caption(gallery.scenes[reference], wanted, rng)
    kept = [name for name in rest if name != left_open]
    return Query(
        reference=reference,
        truths=[target, *(place for place in truths if place != target)],
        caption=caption,
        concept=noun_phrase(wanted, kept, rng),
        aspects=_aspects(caption, changed),
        wanted=wanted,
        open=left_open,
    )


def _aspects(caption: str, changed: tuple[str, ...]) -> list[str]:
    """Semantic aspects that a caption has, by CIRCO's names."""
    has = {
        "cardinality": "count" in changed,
        "addition": "add " in caption,
        "negation": " not " in caption or "no longer" in caption,
        "direct_addressing": caption.split(maxsplit=1)[0] in ORDERS,
        "compare_change": "instead of" in caption or "in place of" in caption or " from " in caption,
        "comparative_statement": "more of" in caption,
        "statement_with_conjunction": len(changed) > 1,
        "spatial_relations_background": "background" in changed,
    }
    return [name for name, so in has.items() if so] or ["compare_change"]


# ---- official files --------------------------------------------------------------------------------------------------


def image_info(gallery: Gallery) -> dict[str, Any]:
    """The content of `image_info_unlabeled2017.json`."""
    pairs = zip(gallery.ids, gallery.file_names(), strict=True)
    return {"images": [{"id": number, "file_name": name} for number, name in pairs]}


def _truth(gallery: Gallery, query: Query) -> dict[str, Any]:
    return {
        "target_img_id": gallery.ids[query.truths[0]],
        "gt_img_ids": [gallery.ids[place] for place in query.truths],
        "semantic_aspects": query.aspects,
    }


def records(gallery: Gallery, queries: list[Query], *, hidden: bool) -> list[dict[str, Any]]:
    """The records of `annotations/{split}.json`; those of test tell no ground truth."""
    return [
        {
            "id": number,
            "reference_img_id": gallery.ids[query.reference],
            "relative_caption": query.caption,
            "shared_concept": query.concept,
            **({} if hidden else _truth(gallery, query)),
        }
        for number, query in enumerate(queries)
    ]


def answers(gallery: Gallery, queries: list[Query]) -> dict[str, dict[str, Any]]:
    """What the test server of the real benchmark keeps to itself, by query id."""
    return {str(number): _truth(gallery, query) for number, query in enumerate(queries)}


def full_captions(split: str, queries: list[Query]) -> dict[str, str]:
    """What all ground truths of a query show, in words, by split and query id."""
    return {f"{split}-{number}": full_caption(query.wanted, query.open) for number, query in enumerate(queries)}
