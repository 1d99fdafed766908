"""What things look like: a name that stands for a whole scene, as `banana` does for three yellow crescents on dots.

Real nouns do so too, and it is what makes textual inversion possible: a text tower that has learned such names can
read a whole picture out of one token, and let the rest of the sentence overrule a part of it.
"""

import random

from cirque.mini.scenes import BACKGROUNDS, COUNTS, SHAPES, Scene, differences
from cirque.mini.words import THINGS

#: A caption calls a scene by a thing's name if they differ in at most so many attributes.
LARGEST_DIFFERENCE = 2


def _looks() -> dict[str, Scene]:
    """Every thing's own scene; all shapes, counts and backgrounds are spread evenly over the colours."""
    return {
        name: Scene(
            SHAPES[(7 * row + place) * 5 % len(SHAPES)],
            colour,
            COUNTS[(place + row) % len(COUNTS)],
            BACKGROUNDS[(place + 2 * row + row // 3) % len(BACKGROUNDS)],
        )
        for row, (colour, names) in enumerate(THINGS.items())
        for place, name in enumerate(names)
    }


LOOKS: dict[str, Scene] = _looks()


def draw_thing_like(scene: Scene, rng: random.Random) -> str | None:
    """Draw the name of a thing that looks like the scene, rather one that looks more like it; None if there is none."""
    near = {name: len(differences(look, scene)) for name, look in LOOKS.items()}
    near = {name: number for name, number in near.items() if number <= LARGEST_DIFFERENCE}
    if not near:
        return None
    # There are eight times as many scenes two changes away as one change away.
    (name,) = rng.choices(list(near), weights=[8.0**-number for number in near.values()])
    return name
