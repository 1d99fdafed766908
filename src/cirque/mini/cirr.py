"""CIRR made of generated scenes, with the records of the official files (rc2).

A gallery is dense: of each shape it holds a whole grid of colours, counts and backgrounds, each scene once. So a
target is the only image that meets its query, while a dozen others look as much like the reference and dozens meet the
caption.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, permutations, product
from typing import Any

from cirque.errors import CirqueError
from cirque.mini.captions import full_caption
from cirque.mini.draws import draws
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, Scene, differences

#: Official split names, and how image names of each begin. Val images are called dev.
PREFIXES = {"val": "dev", "test1": "test1", "train": "train"}

#: Splits that benchmarks ask, whose pair ids take turns.
ASKED = ("val", "test1")

#: The first pair id of train, beyond those of the others.
FIRST_OF_TRAIN = 1_000_000

#: Train has so many times the queries of val, as many as its images give at most. (The real one has seven times.)
TRAIN_PER_VAL = 4

#: Folders that train's images lie in, as the official ones: train/0 to train/99.
N_FOLDERS = 100

SET_SIZE = 6

#: What queries change, in turn: each attribute alone, then each two together; as many of the one as of the other.
KINDS: tuple[tuple[str, ...], ...] = (
    *[(name,) for name in ATTRIBUTES] * 3,
    *list(combinations(ATTRIBUTES, 2)) * 2,
)


@dataclass(frozen=True)
class Query:
    """Positions of reference and target in the gallery, and what the person says."""

    reference: int
    target: int
    caption: str


@dataclass(frozen=True)
class Benchmark:
    """One split: scenes of the gallery in order (set after set), image names, queries."""

    split: str
    scenes: list[Scene]
    names: list[str]
    queries: list[Query]


def _grid_sizes(n_shapes: int, n_images: int) -> tuple[int, int]:
    """The smallest numbers of colours and backgrounds per shape that give enough scenes."""
    sizes = product(range(2, len(COLOURS) + 1), range(2, len(BACKGROUNDS) + 1))
    enough = [(p, q) for p, q in sizes if n_shapes * len(COUNTS) * p * q >= n_images]
    if not enough:
        most = len(SHAPES) * len(COLOURS) * len(COUNTS) * len(BACKGROUNDS)
        raise CirqueError(f"n_gallery: the world has {most} different scenes, {n_images} were asked for")
    return min(enough, key=lambda size: (size[0] * size[1], abs(size[0] - size[1])))


def gallery(n_images: int, rng: random.Random) -> list[Scene]:
    """Different scenes: a grid of some colours, all counts and some backgrounds for each shape."""
    shapes = rng.sample(SHAPES, min(len(SHAPES), max(2, n_images // 24)))
    n_colours, n_backgrounds = _grid_sizes(len(shapes), n_images)
    scenes = [
        Scene(*values)
        for shape in shapes
        for values in product([shape], rng.sample(COLOURS, n_colours), COUNTS, rng.sample(BACKGROUNDS, n_backgrounds))
    ]
    return rng.sample(scenes, n_images)


def similar_sets(scenes: list[Scene], rng: random.Random) -> list[Scene]:
    """Order the scenes so that each six in a row are alike; what is left over comes last."""
    waiting = list(scenes)
    ordered: list[Scene] = []
    while len(waiting) >= SET_SIZE:
        first = waiting.pop(rng.randrange(len(waiting)))
        rng.shuffle(waiting)  # ties are broken at random: another shape is as near as another colour
        waiting.sort(key=lambda scene: len(differences(first, scene)), reverse=True)
        ordered += [first, *(waiting.pop() for _ in range(SET_SIZE - 1))]
    return ordered + waiting


def _pairs(scenes: list[Scene]) -> dict[tuple[str, ...], list[tuple[int, int]]]:
    """Every reference and target of one set that differ in one attribute or two, by what differs."""
    pairs = defaultdict(list)
    for start in range(0, len(scenes) - SET_SIZE + 1, SET_SIZE):
        for one, other in permutations(range(start, start + SET_SIZE), 2):
            changed = differences(scenes[one], scenes[other])
            if len(changed) <= 2:
                pairs[changed].append((one, other))
    return pairs


def _choose_pairs(scenes: list[Scene], n_queries: int, rng: random.Random) -> list[tuple[int, int]]:
    """As many pairs as asked for, of all kinds in turn; a kind that has run out is passed over."""
    pairs = _pairs(scenes)
    if sum(map(len, pairs.values())) < n_queries:
        most = sum(map(len, pairs.values()))
        raise CirqueError(
            f"n_queries: {len(scenes)} gallery images give {most} queries, {n_queries} were asked for; raise n_gallery"
        )
    for waiting in pairs.values():
        rng.shuffle(waiting)
    chosen: list[tuple[int, int]] = []
    turn = 0
    while len(chosen) < n_queries:
        waiting = pairs.get(KINDS[turn % len(KINDS)], [])
        if waiting:
            chosen.append(waiting.pop())
        turn += 1
    return sorted(chosen)


def make_benchmark(seed: int, split: str, n_gallery: int, n_queries: int) -> Benchmark:
    """Draw the gallery and the queries of one split; `n_queries` are val's."""
    rng = draws(seed, "cirr", split)
    scenes = similar_sets(gallery(n_gallery, rng), rng)
    if split == "train":
        n_queries = min(TRAIN_PER_VAL * n_queries, sum(map(len, _pairs(scenes).values())))
    prefix = PREFIXES[split]
    places = [divmod(i, SET_SIZE) for i in range(n_gallery)]
    names = [f"{prefix}-{group}-{member // 2}-img{member % 2}" for group, member in places]
    queries = [
        Query(reference, target, relative_caption(scenes[reference], scenes[target], draws(seed, split, "query", i)))
        for i, (reference, target) in enumerate(_choose_pairs(scenes, n_queries, rng))
    ]
    return Benchmark(split, scenes, names, queries)


def _soft_targets(benchmark: Benchmark, query: Query, members: range) -> dict[str, float]:
    """The target, and half a point for those of its set that meet the caption but not the rest of the reference."""
    reference, target = benchmark.scenes[query.reference], benchmark.scenes[query.target]
    changed = differences(reference, target)
    others = [
        i
        for i in members
        if i not in {query.reference, query.target} and not set(changed) & set(differences(benchmark.scenes[i], target))
    ]
    return {benchmark.names[query.target]: 1.0} | {benchmark.names[i]: 0.5 for i in others}


def pair_id(benchmark: Benchmark, number: int) -> int:
    """A number that no query of any split shares."""
    if benchmark.split == "train":
        return FIRST_OF_TRAIN + number
    return len(ASKED) * number + ASKED.index(benchmark.split)


def caption_records(benchmark: Benchmark, seed: int) -> list[dict[str, Any]]:
    """The records of `cap.rc2.{split}.json`; those of test1 tell no target."""
    hidden = benchmark.split == "test1"
    records = []
    for number, query in enumerate(benchmark.queries):
        group = query.reference // SET_SIZE
        members = range(group * SET_SIZE, (group + 1) * SET_SIZE)
        rng = draws(seed, benchmark.split, "ranks", number)
        record: dict[str, Any] = {
            "pairid": pair_id(benchmark, number),
            "reference": benchmark.names[query.reference],
            "target_hard": benchmark.names[query.target],
            "target_soft": _soft_targets(benchmark, query, members),
            "caption": query.caption,
            "img_set": {
                "id": group,
                "members": [benchmark.names[i] for i in members],
                # As in the official files, the ranks are no positions among the members.
                "reference_rank": rng.randrange(SET_SIZE),
                "target_rank": rng.randrange(SET_SIZE),
            },
        }
        if hidden:
            del record["target_hard"], record["target_soft"], record["img_set"]["target_rank"]
        records.append(record)
    return records


def split_paths(benchmark: Benchmark) -> dict[str, str]:
    """The content of `split.rc2.{split}.json`: the path of each image."""
    prefix = PREFIXES[benchmark.split]
    return {name: f"./{prefix}/{_folder(benchmark, place)}{name}.png" for place, name in enumerate(benchmark.names)}


def _folder(benchmark: Benchmark, place: int) -> str:
    """Folder of an image below that of its split, with a slash; those of val and test1 have none."""
    return f"{place // SET_SIZE % N_FOLDERS}/" if benchmark.split == "train" else ""


def answers(benchmark: Benchmark) -> dict[str, str]:
    """The target of each query, by pair id: what the test server of the real benchmark keeps to itself."""
    return {
        str(pair_id(benchmark, number)): benchmark.names[query.target] for number, query in enumerate(benchmark.queries)
    }


def full_captions(benchmark: Benchmark) -> dict[str, str]:
    """The complete caption of each image of the gallery."""
    return {name: full_caption(scene) for name, scene in zip(benchmark.names, benchmark.scenes, strict=True)}
