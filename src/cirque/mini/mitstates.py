"""MIT-States made of generated scenes: shapes are the nouns, their colours and backgrounds the adjectives.

As in MIT-States a noun has some adjectives only. What else a picture shows is no adjective of its noun: a red star has
a striped background only if there are no striped stars. So each picture has one right caption.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from PIL import Image

from cirque.datasets import mitstates as official
from cirque.errors import CirqueError
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.scenes import BACKGROUNDS, COLOURS, COUNTS, SHAPES, Scene

#: The nouns of test are some of the 49 of the official split, with the shape that they are drawn as.
UNSEEN = {"fish": "fish", "wheel": "ring", "window": "square"}

#: The shape of each noun, those of training first.
SHAPE_OF = {shape: shape for shape in SHAPES if shape not in UNSEEN.values()} | UNSEEN

#: Test has a third of the images of training, as there are a third of the nouns.
TEST_SHARE = 3

#: Colours of a noun, and backgrounds: two of every other noun, else three.
N_COLOURS = 3
N_BACKGROUNDS = (3, 2)

#: Pairs that the compositional split keeps for the test: 700 of 1,962 in MIT-States.
UNSEEN_SHARE = 700 / 1962


@dataclass(frozen=True)
class Shown:
    """An image and the scene that it shows."""

    picture: official.Picture
    scene: Scene


def adjectives(seed: int) -> dict[str, list[str]]:
    """The adjectives of each noun, in no order; over all nouns each colour and each background is used as often."""
    rng = draws(seed, "mitstates", "adjectives")
    colours, backgrounds = (rng.sample(values, len(values)) for values in (COLOURS, BACKGROUNDS))
    colour, background = count(), count()
    found = {}
    for number, noun in enumerate(SHAPE_OF):
        own = [colours[next(colour) % len(colours)] for _ in range(N_COLOURS)]
        n_backgrounds = N_BACKGROUNDS[number % len(N_BACKGROUNDS)]
        own += [backgrounds[next(background) % len(backgrounds)] for _ in range(n_backgrounds)]
        found[noun] = rng.sample(own, len(own))
    return found


def make_images(seed: int, n_train: int) -> list[Shown]:
    """Draw the images, sorted as the parser sorts them.

    Args:
        seed: of every draw.
        n_train: images of the nouns of training; those of test have a third of them.

    Raises:
        CirqueError: some noun would have less than two adjectives.
    """
    of_noun = adjectives(seed)
    seen = [noun for noun in SHAPE_OF if noun not in UNSEEN]
    if n_train < 2 * len(seen):
        raise CirqueError(
            f"n_mitstates: {n_train} images are too few for two adjectives of each of {len(seen)} nouns; give"
            f" {2 * len(seen)} or more"
        )
    numbered = [(seen, number) for number in range(n_train)]
    numbered += [(list(UNSEEN), number) for number in range(n_train // TEST_SHARE)]
    shown = [_image(nouns[i % len(nouns)], i // len(nouns), of_noun, seed) for nouns, i in numbered]
    return sorted(shown, key=lambda image: (image.picture.caption, image.picture.file))


def _image(noun: str, number: int, of_noun: dict[str, list[str]], seed: int) -> Shown:
    """One of the images of a noun: its adjectives take turns."""
    own = of_noun[noun]
    adjective = own[number % len(own)]
    rng = draws(seed, "mitstates", noun, number)
    colour = rng.choice([value for value in COLOURS if value not in own])
    background = rng.choice([value for value in BACKGROUNDS if value not in own])
    colour, background = (adjective, background) if adjective in COLOURS else (colour, adjective)
    scene = Scene(SHAPE_OF[noun], colour, rng.choice(COUNTS), background)
    return Shown(official.Picture(adjective, noun, f"{noun}_{number:04d}.jpg"), scene)


def image(of: Shown, seed: int, image_size: int) -> Image.Image:
    """The image itself, RGB, `image_size` pixels a side."""
    return render(of.scene, image_size, draws(seed, of.picture.path, "picture"))


def split_pairs(seed: int, shown: Sequence[Shown]) -> dict[str, list[str]]:
    """`ADJECTIVE NOUN` of train and test, sorted: no pair is in both, each adjective and noun of test is in train."""
    train = sorted({of.picture[:2] for of in shown})
    wanted = round(UNSEEN_SHARE * len(train))
    uses = Counter(word for pair in train for word in pair)
    test: list[tuple[str, str]] = []
    for pair in draws(seed, "mitstates", "pairs").sample(train, len(train)):
        if len(test) < wanted and all(uses[word] > 1 for word in pair):
            test.append(pair)
            uses.subtract(pair)
    held = set(test)
    return {
        "train": [" ".join(pair) for pair in train if pair not in held],
        "test": [" ".join(pair) for pair in sorted(test)],
    }


# ---- files ---------------------------------------------------------------------------------------------------------


def antonyms(shown: Sequence[Shown]) -> str:
    """The content of `adj_ants.csv`: an adjective a line; colours have no antonym."""
    return "adj,ant\n" + "".join(f"{adjective},\n" for adjective in sorted({of.picture.adjective for of in shown}))


def pair_list(pairs: Sequence[str]) -> str:
    """The content of `train_pairs.txt` or `test_pairs.txt`."""
    return "".join(f"{pair}\n" for pair in pairs)


def full_captions(shown: Sequence[Shown]) -> dict[str, str]:
    """What the targets of a query show, by query id: `red fish`."""
    test = [of.picture for of in shown if of.picture.noun in UNSEEN]
    of_noun = official.by_noun(test)
    return {
        f"{number}-{adjective}": f"{adjective} {picture.noun}"
        for number, picture in enumerate(test)
        for adjective in of_noun[picture.noun]
        if adjective != picture.adjective
    }
