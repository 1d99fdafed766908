"""Captions of a scene, as an alternative text on the web would put it: varied, and seldom complete.

A caption mentions some attributes of its scene. Besides plain descriptions there are relative clauses (`a photo of a
star that is blue`), contrasts (`that is blue instead of red`), names of things with what is unusual about this one (`a
photo of banana that is blue`) and pictures that were altered (`a photo of a red star that was painted blue`): it is
from these that a text tower learns that the end of a sentence can overrule its beginning. Relative captions
(`cirque.mini.relative`) share the words; their sentences are others.
"""

import random
from collections.abc import Callable, Collection, Sequence

from cirque.mini.draws import chance
from cirque.mini.scenes import ATTRIBUTES, VALUES, Scene, change, differences
from cirque.mini.things import LOOKS, draw_thing_like
from cirque.mini.words import BACKDROPS, NOUNS, NUMBERS

#: What stands around a description. The words are those of the 24 templates of SEARLE, among others.
FRAMES = (
    "a photo of {}",
    "a photo of {}",
    "a photo of {}",
    "a picture of {}",
    "{}",
    "{}",
    "this is a photo of {}",
    "this photo contains {}",
    "an illustration of {}",
    "this is an illustration of {}",
    "this illustration contains {}",
    "a sketch of {}",
    "this sketch contains {}",
    "a diagram of {}",
    "we see {}",
    "we see {} in this photo",
    "we see {} in this image",
    "{} illustration",
    "{} photo",
    "{} image",
)

#: How often a description mentions an attribute.
MENTIONED = {"shape": 0.95, "colour": 0.85, "count": 0.8, "background": 0.7}

#: How often a clause names what the scene is not.
CONTRASTS = 0.35


def article(words: str) -> str:
    """`a` or `an` before the words."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def noun(shape: str, plural: bool, rng: random.Random | None = None) -> str:
    """A noun of the shape: the plain one, or with draws now and then another."""
    names = NOUNS[shape]
    index = rng.randrange(1, len(names)) if rng is not None and chance(rng, 0.2) else 0
    return names[index][plural]


def backdrop(background: str, rng: random.Random) -> str:
    """`on a striped background`, or other words for it."""
    adjective, things = BACKDROPS[background]
    return rng.choice(
        [
            f"on {article(adjective)} background",
            f"on {article(adjective)} background",
            f"against {article(adjective)} backdrop",
            f"in front of {rng.choice(things)}",
            f"on {rng.choice(things)}",
        ]
    )


def noun_phrase(scene: Scene, mentioned: Collection[str], rng: random.Random) -> str:
    """`three red stars on a striped background`, saying only what is to be mentioned."""
    plural = scene.count > 1
    name = noun(scene.shape, plural, rng) if "shape" in mentioned else rng.choice(("shape", "thing")) + "s" * plural
    words = f"{scene.colour} {name}" if "colour" in mentioned else name
    if "count" in mentioned:
        number = NUMBERS[scene.count] if plural else rng.choice(("one", "one", "a single"))
        words = f"{number} {words}"
    else:
        words = rng.choice((f"some {words}", words)) if plural else article(words)
    return f"{words} {backdrop(scene.background, rng)}" if "background" in mentioned else words


def _mentions(rng: random.Random) -> set[str]:
    return {name for name in ATTRIBUTES if chance(rng, MENTIONED[name])}


def other_value(scene: Scene, attribute: str, rng: random.Random) -> Scene:
    """The scene with another value of an attribute."""
    now = getattr(scene, attribute)
    return change(scene, attribute, rng.choice([value for value in VALUES[attribute] if value != now]))


def _contrasted(right: str, wrong: str, rng: random.Random) -> str:
    form = rng.choice(("{} instead of {}", "{} rather than {}", "{}, not {}", "{} and not {}"))
    return form.format(right, wrong)


def _colour_clause(scene: Scene, other: Scene | None, plural: bool, rng: random.Random) -> str:
    said = scene.colour if other is None else _contrasted(scene.colour, other.colour, rng)
    return f"{'are' if plural else 'is'} {rng.choice(('', '', 'painted ', 'all '))}{said}"


def _background_clause(scene: Scene, other: Scene | None, plural: bool, rng: random.Random) -> str:
    be, has = ("are", "have") if plural else ("is", "has")
    adjective = article(BACKDROPS[scene.background][0])
    if other is None:
        return rng.choice((f"{has} {adjective} background", f"{be} {backdrop(scene.background, rng)}"))
    wrong = f"{article(BACKDROPS[other.background][0])} one"
    return f"{has} {_contrasted(f'{adjective} background', wrong, rng)}"


def _count_clause(scene: Scene, other: Scene | None, plural: bool, rng: random.Random) -> str:
    show, come = ("show", "come") if plural else ("shows", "comes")
    said = f"{'only ' * (scene.count == 1)}{NUMBERS[scene.count]} of them"
    if other is not None:
        return f"{show} {_contrasted(said, NUMBERS[other.count], rng)}"
    group = "alone" if scene.count == 1 else f"in a group of {NUMBERS[scene.count]}"
    return rng.choice((f"{show} {said}", f"{come} {group}"))


def _shape_clause(scene: Scene, other: Scene | None, plural: bool, rng: random.Random) -> str:
    right = noun(scene.shape, plural, rng)
    said = right if plural else article(right)
    if other is not None:
        wrong = noun(other.shape, plural)
        said = _contrasted(said, wrong if plural else article(wrong), rng)
    return f"{'are' if plural else 'is'} {said}"


CLAUSE = {
    "shape": _shape_clause,
    "colour": _colour_clause,
    "count": _count_clause,
    "background": _background_clause,
}


def clause(scene: Scene, attribute: str, plural: bool, rng: random.Random, usual: Scene | None = None) -> str:
    """What follows `that`: says one attribute of the scene, sometimes against the usual or another value."""
    if not chance(rng, CONTRASTS):
        return CLAUSE[attribute](scene, None, plural, rng)
    return CLAUSE[attribute](scene, usual or other_value(scene, attribute, rng), plural, rng)


def clauses(
    scene: Scene, attributes: Sequence[str], plural: bool, rng: random.Random, usual: Scene | None = None
) -> str:
    """Some clauses in a row."""
    return " and ".join(clause(scene, attribute, plural, rng, usual) for attribute in attributes)


def _with_clauses(scene: Scene, rng: random.Random) -> str:
    """`a photo of two stars that are blue and have a striped background`."""
    said = rng.sample(ATTRIBUTES, rng.choice((1, 1, 2)))
    mentioned = _mentions(rng) - set(said)
    # A bare name, as in the prompt from which phrases are written: `a photo of star that shows three of them`.
    bare = "shape" not in said and chance(rng, 0.4)
    plural = scene.count > 1 and not bare
    subject = noun(scene.shape, False, rng) if bare else noun_phrase(scene, mentioned, rng)
    return f"a photo of {subject} that {clauses(scene, said, plural, rng)}"


def _thing(scene: Scene, rng: random.Random) -> str:
    """`a photo of banana that is blue`: a thing that looks like the scene, and every way in which the scene differs."""
    name = draw_thing_like(scene, rng)
    if name is None:
        return _plain(scene, rng)
    look = LOOKS[name]
    changed = list(differences(look, scene))
    subject = rng.choice((name, article(name)))
    if not changed:
        return rng.choice(FRAMES).format(subject)
    rng.shuffle(changed)
    return f"a photo of {subject} that {clauses(scene, changed, False, rng, look)}"


def _altered(scene: Scene, rng: random.Random) -> str:
    """`a photo of two red stars that were painted blue`: how the picture came to be what it is now."""
    changed = rng.sample(ATTRIBUTES, rng.choice((1, 1, 2)))
    before = scene
    for attribute in changed:
        before = other_value(before, attribute, rng)
    mentioned = _mentions(rng) | set(changed)
    plural = before.count > 1
    were = "were" if plural else "was"
    stated = []
    for attribute in changed:
        if attribute == "colour":
            stated.append(rng.choice((f"{were} painted {scene.colour}", f"turned {scene.colour}")))
        elif attribute == "background":
            place = article(BACKDROPS[scene.background][0])
            stated.append(rng.choice((f"{were} moved to {place} background", f"got {place} background")))
        elif attribute == "count":
            stated.append(rng.choice((f"became {NUMBERS[scene.count]}", f"now number {NUMBERS[scene.count]}")))
        else:
            name = noun(scene.shape, plural)
            stated.append(f"{rng.choice(('turned into', 'became'))} {name if plural else article(name)}")
    return f"a photo of {noun_phrase(before, mentioned, rng)} that {' and '.join(stated)}"


def _plain(scene: Scene, rng: random.Random) -> str:
    """`this photo contains three red stars`."""
    return rng.choice(FRAMES).format(noun_phrase(scene, _mentions(rng), rng))


def _background_first(scene: Scene, rng: random.Random) -> str:
    """`a striped background with three red stars`."""
    place = article(BACKDROPS[scene.background][0])
    return f"{place} background with {noun_phrase(scene, _mentions(rng) - {'background'}, rng)}"


#: The kinds of caption, each with its share.
SHARES: dict[Callable[[Scene, random.Random], str], float] = {
    _plain: 0.35,
    _thing: 0.25,
    _with_clauses: 0.2,
    _altered: 0.15,
    _background_first: 0.05,
}


def caption(scene: Scene, rng: random.Random) -> str:
    """Draw one caption."""
    (write,) = rng.choices(list(SHARES), weights=list(SHARES.values()))
    return write(scene, rng)


def full_caption(scene: Scene, left_out: str | None = None) -> str:
    """The one caption that says everything: `a photo of three red stars on a striped background`.

    Args:
        scene: what it is about.
        left_out: an attribute that it must not name.
    """
    plural = scene.count > 1 or left_out == "count"
    words = {
        "count": NUMBERS[scene.count],
        "colour": scene.colour,
        "shape": noun(scene.shape, plural) if left_out != "shape" else "shape" + "s" * plural,
        "background": f"on {article(BACKDROPS[scene.background][0])} background",
    }
    return " ".join(["a photo of", *(said for name, said in words.items() if name != left_out or name == "shape")])
