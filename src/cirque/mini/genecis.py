"""GeneCIS made of generated scenes, with the records of the official files.

Both attribute tasks share one pool of scenes, both object tasks another; a pool holds every scene once and is as dense
as its size allows. A query's target is the only one of its candidates that shows what the condition speaks of and is
that near to the reference in all else: other candidates look more like the reference but do not show it, and others
show it (where the condition says what it is) but look less like the reference. So it takes both to answer.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from cirque.errors import CirqueError
from cirque.mini.captions import full_caption
from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, Scene, differences
from cirque.mini.words import BACKDROPS, NOUNS, NUMBERS

#: Ids of Visual Genome and of COCO are below these.
CROPPED_ID_LIMIT = 2_420_000
WHOLE_ID_LIMIT = 600_000

#: Scenes on a canvas that crops are made of: two by two.
PER_CANVAS = 4
COLUMNS = 2

#: How much wider than its box a crop is (GeneCIS `datasets/vaw_dataset.py`).
DILATED = 1.7

#: Names that conditions give to attributes, to their values, and to what the values show.
ATTRIBUTE_NAMES = {"shape": "shape", "colour": "color", "count": "number", "background": "background"}
VALUE_WORDS: dict[str, dict[Any, str]] = {
    "colour": {colour: colour for colour in COLOURS},
    "count": NUMBERS,
    "background": {name: adjective for name, (adjective, _) in BACKDROPS.items()},
}
THING_WORDS: dict[str, dict[Any, str]] = {
    "shape": {shape: names[0][0] for shape, names in NOUNS.items()},
    "background": {name: things[0] for name, (_, things) in BACKDROPS.items()},
}


@dataclass(frozen=True)
class Task:
    """What a task asks for.

    Attributes:
        name: of the official file.
        attributes: what conditions speak of, in turn.
        changes: whether the reference does not show it yet.
        distances: in how many of the other attributes the target may differ from the reference.
        condition: words for an attribute and its value in the target.
        n_distractors: of each query.
        n_alike: of these, so many that look much like the reference without showing it.
        n_showing: of these, so many that show it as the target does, if there are.
    """

    name: str
    attributes: tuple[str, ...]
    changes: bool
    distances: tuple[int, ...]
    condition: Callable[[str, Any], str]
    n_distractors: int
    n_alike: int
    n_showing: int


#: The tasks of crops and those of whole images, in the order of the official evaluation.
CROPPED_TASKS = (
    Task("focus_attribute", ATTRIBUTES, False, (2, 3), lambda name, value: ATTRIBUTE_NAMES[name], 9, 5, 0),
    Task("change_attribute", tuple(VALUE_WORDS), True, (0,), lambda name, value: VALUE_WORDS[name][value], 14, 5, 5),
)
WHOLE_TASKS = (
    Task("focus_object", tuple(THING_WORDS), False, (1,), lambda name, value: THING_WORDS[name][value], 14, 5, 5),
    Task("change_object", tuple(THING_WORDS), True, (0,), lambda name, value: THING_WORDS[name][value], 14, 5, 5),
)


@dataclass(frozen=True)
class Query:
    """Positions in the pool of its task, and what is said."""

    reference: int
    target: int
    distractors: list[int]
    attribute: str
    condition: str


@dataclass(frozen=True)
class Pool:
    """The pictures of two tasks: their scenes, and the official records that name them."""

    scenes: list[Scene]
    records: list[dict[str, Any]]
    queries: dict[str, list[Query]]


@dataclass(frozen=True)
class Canvas:
    """A picture that crops are made of: its name, its side, and which scene of the pool lies at which left and top."""

    name: str
    side: int
    scenes: dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Benchmark:
    """Crops with the canvases that they lie in, and whole images."""

    cropped: Pool
    canvases: list[Canvas]
    whole: Pool


def make_benchmark(seed: int, image_size: int, n_gallery: int, n_queries: int) -> Benchmark:
    """Draw pictures and queries; every picture is listed by a query.

    Args:
        seed: of every draw.
        image_size: side of a whole image and of a scene in a canvas, in pixels.
        n_gallery: pictures; half of them crops, and one more of the whole images where it is odd.
        n_queries: queries, a quarter in each task; a remainder is left out.

    Raises:
        CirqueError: there are not enough scenes, or the numbers do not fit together.
    """
    n_crops = n_gallery // 2
    canvases, boxes = _canvases(seed, image_size, n_crops)
    rng = draws(seed, "genecis", "names")
    numbers = rng.sample(range(1, WHOLE_ID_LIMIT), n_gallery - n_crops)
    whole = [{"val_image_id": number} for number in numbers]
    return Benchmark(
        _pool(seed, CROPPED_TASKS, boxes, n_queries // 4),
        canvases,
        _pool(seed, WHOLE_TASKS, whole, n_queries // 4),
    )


# ---- pictures ------------------------------------------------------------------------------------------------------


def pool_scenes(n_images: int, rng: random.Random) -> list[Scene]:
    """Different scenes with as few values of each attribute as give enough of them."""
    shapes, colours, backgrounds = (rng.sample(values, len(values)) for values in (SHAPES, COLOURS, BACKGROUNDS))
    counts = rng.sample(COUNTS, len(COUNTS))
    scenes = [Scene(*values) for values in product(shapes, colours, counts, backgrounds)]
    if n_images > len(scenes):
        raise CirqueError(
            f"n_gallery: crops and whole images have {len(scenes)} different scenes each, more were asked for"
        )
    rng.shuffle(scenes)  # what is left out of the largest grid is left out at random
    scenes.sort(
        key=lambda scene: max(
            shapes.index(scene.shape),
            colours.index(scene.colour),
            counts.index(scene.count),
            backgrounds.index(scene.background),
        )
    )
    return rng.sample(scenes[:n_images], n_images)


def _canvases(seed: int, image_size: int, n_crops: int) -> tuple[list[Canvas], list[dict[str, Any]]]:
    """Canvases of up to four scenes each, and the record of every scene's box."""
    n_canvases = -(-n_crops // PER_CANVAS)
    names = map(str, draws(seed, "genecis", "canvases").sample(range(1, CROPPED_ID_LIMIT), n_canvases))
    canvases, boxes = [], []
    gap = image_size // 8
    for number, name in enumerate(names):
        rng = draws(seed, "genecis", "canvas", number)
        members = range(number * PER_CANVAS, min((number + 1) * PER_CANVAS, n_crops))
        corners = {}
        for cell, member in enumerate(members):
            row, column = divmod(cell, COLUMNS)
            corners[member] = (_corner(column, image_size, gap, rng), _corner(row, image_size, gap, rng))
            x, width = _extent(corners[member][0], image_size, gap, rng)
            y, height = _extent(corners[member][1], image_size, gap, rng)
            boxes.append({"image_id": name, "instance_bbox": [x, y, width, height]})
        canvases.append(Canvas(name, COLUMNS * (image_size + 3 * gap), corners))
    return canvases, boxes


def _corner(cell: int, image_size: int, gap: int, rng: random.Random) -> int:
    """Where a scene begins along one axis, in pixels; two gaps at least lie between neighbours."""
    return cell * (image_size + 3 * gap) + rng.randint(0, gap)


def _extent(start: int, image_size: int, gap: int, rng: random.Random) -> tuple[float, float]:
    """Start and extent along one axis of the box whose crop is the scene and a little around it.

    Where the crop begins at the picture's edge, a box may begin anywhere in the part that dilation adds.
    """
    first, last = start - rng.randint(0, min(gap, start)), start + image_size + rng.randint(0, gap)
    extent = (last - first) / DILATED
    least = 0.0 if first == 0 else last - extent
    return round(rng.uniform(least, last - extent), 4), round(extent, 4)


# ---- queries -------------------------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """A pool whose queries are being drawn; how often each picture was taken."""

    scenes: list[Scene]
    uses: list[int]
    asked: set[tuple[str, str, tuple[int, int]]] = field(default_factory=set)

    def take(self, task: Task, attribute: str, pair: tuple[int, int], distractors: list[int]) -> None:
        """Note the pictures and the pair of a query."""
        for place in (*pair, *distractors):
            self.uses[place] += 1
        self.asked.add((task.name, attribute, pair))

    def rarest(self, places: list[int], rng: random.Random) -> list[int]:
        """The places in random order, those that were taken least often first."""
        rng.shuffle(places)
        return sorted(places, key=lambda place: self.uses[place])


def _pool(seed: int, tasks: tuple[Task, ...], records: list[dict[str, Any]], n_queries: int) -> Pool:
    """Scenes for the records, and as many queries of each task."""
    scenes = pool_scenes(len(records), draws(seed, "genecis", tasks[0].name, "scenes"))
    draft = _Draft(scenes, [0] * len(scenes))
    queries: dict[str, list[Query]] = {task.name: [] for task in tasks}
    for number in range(n_queries):
        for task in tasks:
            queries[task.name].append(_query(draft, task, number, draws(seed, "genecis", task.name, number)))
    unused = draft.uses.count(0)
    if unused:
        raise CirqueError(
            f"n_queries: {n_queries} queries of each task show only {len(scenes) - unused} of {len(scenes)} pictures;"
            " raise n_queries or lower n_gallery"
        )
    return Pool(scenes, records, queries)


def _query(draft: _Draft, task: Task, number: int, rng: random.Random) -> Query:
    """Draw a query about the attribute whose turn it is, or about the next where there is none."""
    for turn in range(len(task.attributes)):
        attribute = task.attributes[(number + turn) % len(task.attributes)]
        for pair in _pairs(draft, task, attribute, rng):
            distractors = _distractors(draft, task, attribute, pair, rng)
            if len(distractors) == task.n_distractors:
                draft.take(task, attribute, pair, distractors)
                condition = task.condition(attribute, getattr(draft.scenes[pair[1]], attribute))
                return Query(*pair, distractors, attribute, condition)
    raise CirqueError(
        f"n_queries: {len(draft.scenes)} pictures give only {number} queries of {task.name}; raise n_gallery"
    )


def distance(attribute: str, one: Scene, other: Scene) -> int:
    """In how many attributes besides the one two scenes differ."""
    return len(set(differences(one, other)) - {attribute})


def _pairs(draft: _Draft, task: Task, attribute: str, rng: random.Random) -> Iterator[tuple[int, int]]:
    """References and targets that were not asked for yet, those that were taken least often first."""
    everything = range(len(draft.scenes))
    for reference in draft.rarest(list(everything), rng):
        scene = draft.scenes[reference]
        targets = [
            place
            for place in everything
            if place != reference
            and (attribute in differences(scene, draft.scenes[place])) == task.changes
            and distance(attribute, scene, draft.scenes[place]) in task.distances
            and (task.name, attribute, (reference, place)) not in draft.asked
        ]
        if targets:
            yield reference, draft.rarest(targets, rng)[0]


def _distractors(draft: _Draft, task: Task, attribute: str, pair: tuple[int, int], rng: random.Random) -> list[int]:
    """Pictures that do not answer the query, or fewer than the task wants where the pool has no more."""
    reference, target = (draft.scenes[place] for place in pair)
    far = {place: distance(attribute, reference, scene) for place, scene in enumerate(draft.scenes)}
    shown = [place for place in far if getattr(draft.scenes[place], attribute) == getattr(target, attribute)]
    lacking = [place for place in far if place not in shown and place not in pair]
    nearest = distance(attribute, reference, target)
    chosen = draft.rarest([place for place in lacking if far[place] <= 1], rng)[: task.n_alike]
    # The reference of a focus task shows it too, but is nearer than its target.
    chosen += draft.rarest([place for place in shown if far[place] > nearest], rng)[: task.n_showing]
    rest = draft.rarest([place for place in lacking if place not in chosen], rng)
    chosen += rest[: task.n_distractors - len(chosen)]
    return rng.sample(chosen, len(chosen))


# ---- official files ------------------------------------------------------------------------------------------------


def task_records(pool: Pool, task: str) -> list[dict[str, Any]]:
    """The records of `{task}.json`."""
    return [
        {
            "condition": query.condition,
            "gallery": [pool.records[place] for place in query.distractors],
            "reference": pool.records[query.reference],
            "target": pool.records[query.target],
        }
        for query in pool.queries[task]
    ]


def full_captions(benchmark: Benchmark) -> dict[str, str]:
    """The complete caption of each query's target, by query id."""
    return {
        f"{task}-{number}": full_caption(pool.scenes[query.target])
        for pool in (benchmark.cropped, benchmark.whole)
        for task, queries in pool.queries.items()
        for number, query in enumerate(queries)
    }
