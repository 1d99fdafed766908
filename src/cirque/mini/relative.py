"""Relative captions: how a person would ask for the target who sees the reference too.

They say what is to change and leave out what stays, so that neither the caption nor the reference finds the target
alone.
"""

import random

from cirque.mini.captions import article, noun
from cirque.mini.draws import chance
from cirque.mini.scenes import Scene, differences
from cirque.mini.words import BACKDROPS, NUMBERS


def _colour(reference: Scene, target: Scene, rng: random.Random, order: bool) -> str:
    new, old = target.colour, reference.colour
    if order:
        return rng.choice((f"make it {new}", f"change the colour to {new}", f"change the colour from {old} to {new}"))
    return rng.choice((f"is {new}", f"is {new} instead of {old}", f"is {new} and no longer {old}"))


def _background(reference: Scene, target: Scene, rng: random.Random, order: bool) -> str:
    new, old = (article(BACKDROPS[scene.background][0]) for scene in (target, reference))
    thing = BACKDROPS[target.background][1][0]
    if order:
        return rng.choice((f"put it on {new} background", f"replace the background with {thing}"))
    return rng.choice(
        (
            f"has {new} background",
            f"has {new} background instead of {old} one",
            f"is in front of {thing}",
            f"is on {new} background",
        )
    )


def _count(reference: Scene, target: Scene, rng: random.Random, order: bool) -> str:
    new, old = NUMBERS[target.count], NUMBERS[reference.count]
    only = "only one" if target.count == 1 else new
    if order:
        more = target.count > reference.count
        step = f"add more of them, {new} in all" if more else f"remove some to leave {only}"
        return rng.choice((f"show {only} of them", step))
    return rng.choice(
        (f"shows {only} of them", f"shows {only} of them instead of {old}", f"has {only} of them, not {old}")
    )


def _shape(reference: Scene, target: Scene, rng: random.Random, order: bool) -> str:
    many = target.count > 1 and reference.count > 1
    new, old = noun(target.shape, many), noun(reference.shape, many)
    a_new, a_old = (new, old) if many else (article(new), article(old))
    if order:
        return rng.choice((f"replace the {old} with {a_new}", f"turn the {old} into {a_new}"))
    return rng.choice((f"shows {a_new} instead of {a_old}", f"has {a_new} in place of {a_old}", f"is {a_new}"))


WAYS = {"shape": _shape, "colour": _colour, "count": _count, "background": _background}


def relative_caption(reference: Scene, target: Scene, rng: random.Random) -> str:
    """Say in words what changes from the reference to the target, either as a statement or as an order."""
    order = chance(rng, 0.25)
    changed = list(differences(reference, target))
    rng.shuffle(changed)
    return " and ".join(WAYS[attribute](reference, target, rng, order) for attribute in changed)
