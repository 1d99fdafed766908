"""Make a split of CSS from nothing: references, modifications of them, and the scenes that these lead to.

    making.make(42, "train", "release", 1000, 6004)

Images are numbered: the references first, then the target of each query in turn. A scene may occur more than once, and
its images share a label. Every reference has at least two modifications, as a training asks two of it at once.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import numpy as np

from cirque import draws
from cirque.css import grammar, modifications
from cirque.css.grammar import Scene
from cirque.css.modifications import Modification
from cirque.css.release import Asked, Split
from cirque.errors import CirqueError

#: `paper`: each reference is asked the same number of times. `release`: each modification is asked of three references.
Counts = Literal["paper", "release"]

#: References of each modification of the release.
REFERENCES_EACH = 3

#: Draws before settings count as impossible, for each thing that is drawn.
MOST_TRIES = 1000

#: Modifications, each with the references that it is asked of.
Plan = list[tuple[Modification, list[int]]]


def make(seed: int, split: str, counts: Counts, n_references: int, n_modifications: int) -> Split:
    """A split, the same for the same arguments.

    Args:
        seed: of the draws.
        split: train or test: what colours the shapes may have.
        counts: whether `n_modifications` counts those of each reference (`paper`) or those of the split (`release`).
        n_references: images that something is asked of.
        n_modifications: see `counts`.

    Raises:
        CirqueError: no split has these counts.
    """
    _require(split, counts, n_references, n_modifications)
    references = [
        grammar.draw_scene(split, draws.generator(seed, "css reference", split, number))
        for number in range(n_references)
    ]
    plan = (_paper if counts == "paper" else _release)(seed, split, references, n_modifications)
    images, asked = list(references), []
    for number, (modification, sources) in enumerate(plan):
        rng = draws.generator(seed, "css targets", split, number)
        targets = [modifications.applied(modification, split, references[source], rng) for source in sources]
        first = len(images)
        images += [scene for scene in targets if scene is not None]
        asked.append(Asked(modifications.text(modification), sources, list(range(first, len(images))), modification))
    labels: dict[object, int] = {}
    return Split(images, asked, [labels.setdefault(grammar.canonical(scene), len(labels)) for scene in images])


def _require(split: str, counts: str, n_references: int, n_modifications: int) -> None:
    where = f"CSS {split}: {n_references:,} references and {n_modifications:,} modifications by `{counts}`"
    if counts == "paper" and (n_references < 1 or n_modifications < 2):
        raise CirqueError(f"{where}: give at least one reference, and at least two modifications of each")
    if counts == "release" and n_references < REFERENCES_EACH:
        raise CirqueError(f"{where}: a modification is asked of {REFERENCES_EACH} references; give at least so many")
    if counts == "release" and REFERENCES_EACH * n_modifications < 2 * n_references:
        fewest = -(-2 * n_references // REFERENCES_EACH)
        raise CirqueError(f"{where}: each reference must be asked twice, so give at least {fewest:,} modifications")


def _paper(seed: int, split: str, references: list[Scene], n_each: int) -> Plan:
    """As many different modifications of each reference; what several have in common becomes one."""
    plan: dict[Modification, list[int]] = {}
    for number, scene in enumerate(references):
        own: dict[Modification, None] = {}
        for drawn in _drawn(split, scene, draws.generator(seed, "css modifications", split, number)):
            own[drawn] = None
            if len(own) == n_each:
                break
        if len(own) < n_each:
            raise CirqueError(
                f"CSS {split}: reference {number}, of {len(scene)} objects, has hardly {n_each:,} modifications;"
                f" {len(own):,} were found: ask for fewer of each reference"
            )
        for modification in own:
            plan.setdefault(modification, []).append(number)
    return list(plan.items())


def _release(seed: int, split: str, references: list[Scene], n_modifications: int) -> Plan:
    """Modifications, each of three references: those that were asked least often come first.

    A modification may come again, for other references.
    """
    plan: Plan = []
    asked: dict[Modification, set[int]] = defaultdict(set)
    uses = np.zeros(len(references), dtype=np.int64)
    rng = draws.generator(seed, "css modifications", split)
    while len(plan) < n_modifications:
        order = [int(number) for number in np.lexsort((rng.random(len(references)), uses))]
        for drawn in _drawn(split, references[order[0]], rng):
            known = asked[drawn]
            fitting = (n for n in order if n not in known and modifications.fits(drawn, split, references[n]))
            sources = list(itertools.islice(fitting, REFERENCES_EACH))
            if order[0] in sources and len(sources) == REFERENCES_EACH:
                plan.append((drawn, sources))
                known.update(sources)
                uses[sources] += 1
                break
        else:
            raise CirqueError(
                f"CSS {split}: after {len(plan):,} of {n_modifications:,} modifications none was found that holds for"
                f" {REFERENCES_EACH} of {len(references):,} references; give more references or fewer modifications"
            )
    if uses.min() < 2:
        raise CirqueError(
            f"CSS {split}: reference {int(uses.argmin())} is asked less than twice; give more modifications than"
            f" {n_modifications:,}"
        )
    return plan


def _drawn(split: str, scene: Scene, rng: np.random.Generator) -> Iterator[Modification]:
    """Modifications of a scene, as many as luck gives in `MOST_TRIES` draws."""
    for _ in range(MOST_TRIES):
        drawn = modifications.draw(split, scene, rng)
        if drawn is not None:
            yield drawn
