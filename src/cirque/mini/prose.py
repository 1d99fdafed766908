"""Running prose about the world: articles that speak of scenes in passing, as OpenWebText's do of pictures.

No sentence is a caption, and none begins `a photo of`.
"""

import random

from cirque.mini.captions import noun_phrase
from cirque.mini.draws import chance
from cirque.mini.scenes import ATTRIBUTES, draw_scene

#: How an article may begin.
OPENINGS = (
    "On {day} the town museum opened again.",
    "Prices fell for the {ordinal} time this year.",
    "It rained when the jury met.",
    "The school has chosen its posters.",
)

#: What it tells; each speaks of a scene.
SENTENCES = (
    "Most visitors stopped before {}.",
    "Her first work showed {}.",
    "The flag of the club is {}.",
    "He sold {} on {day}.",
    "Behind the counter hung {}.",
    "Critics preferred {}.",
    "Thieves took {}.",
    "Children drew {}.",
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ORDINALS = ("second", "third", "fourth", "fifth")

#: How often an article has an opening, and how often it is so long that no text tower reads its end; else it is as
#: short as a caption, so that learning from it costs no more.
OPENED, LONG = 0.25, 0.005


def article(rng: random.Random) -> str:
    """`On Friday the town museum opened again.`, an empty line, `Most visitors stopped before three red stars.`"""
    opening = [rng.choice(OPENINGS)] if chance(rng, OPENED) else []
    sentences = [rng.choice(SENTENCES) for _ in range(rng.randint(12, 16) if chance(rng, LONG) else 1)]
    stated = [form.format(_scene(rng), day=rng.choice(DAYS), ordinal=rng.choice(ORDINALS)) for form in sentences]
    head = [form.format(day=rng.choice(DAYS), ordinal=rng.choice(ORDINALS)) for form in opening]
    return "\n\n".join([*head, " ".join(stated)])


def _scene(rng: random.Random) -> str:
    return noun_phrase(draw_scene(rng), {name for name in ATTRIBUTES if chance(rng, 0.75)}, rng)
