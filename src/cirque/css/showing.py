"""Which scenes of CSS a reader is shown: of each split the first of some objects, each with one thing that is asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from cirque.css.release import Split

#: Fewest objects of a scene that is shown.
FEWEST = 3


@dataclass(frozen=True)
class Shown:
    """A scene with one modification.

    Attributes:
        split: train or test.
        query_id: of the modification and its place, as benchmarks call it.
        text: what is asked.
        reference: number of the scene's image.
        target: number of what it becomes.
    """

    split: str
    query_id: str
    text: str
    reference: int
    target: int


def choose(splits: Mapping[str, Split], n_scenes: int) -> list[Shown]:
    """Of each split the first references of `FEWEST` objects or more, each with the first thing that is asked of it.

    Args:
        splits: both halves of the data set.
        n_scenes: of each; where it has fewer, all of them.
    """
    return [shown for name, split in splits.items() for shown in _of_split(name, split)[:n_scenes]]


def _of_split(name: str, split: Split) -> list[Shown]:
    first: dict[int, Shown] = {}
    for number, asked in enumerate(split.asked):
        for place, (source, target) in enumerate(zip(asked.sources, asked.targets, strict=True)):
            first.setdefault(source, Shown(name, f"{number}-{place}", asked.text, source, target))
    return [first[source] for source in sorted(first) if len(split.images[source]) >= FEWEST]
