"""COCO val2017 made of generated scenes: photographs of two or three small scenes, and their instances file.

A picture lays small scenes on a table, each with its corners cut off: COCO's objects. An object's category is its
shape. There are few shapes, and each has few looks (a colour on a background): so many pictures hold the object shown
and many hold all the objects named, but few do both. A region cut out of a masked picture looks like a scene of the
world, which the mini backbones can read.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from cirque.datasets.coco_composition import Mask, polygon_mask
from cirque.errors import CirqueError
from cirque.mini.captions import article, noun
from cirque.mini.drawing import render
from cirque.mini.draws import chance, draws
from cirque.mini.scenes import BACKGROUNDS, COLOURS, SHAPES, Scene
from cirque.mini.words import NUMBERS

#: Categories of the file; the first few of them occur.
CATEGORIES = SHAPES
N_SHAPES = 6

#: Looks of a shape: a colour and a background.
N_LOOKS = 4

#: Ids of the categories leave gaps, as COCO's do.
CATEGORY_STEP = 7

#: COCO's ids are below this.
ID_LIMIT = 600_000

#: Objects lie in the quarters of the picture; width and height as shares of the picture's side.
QUARTERS = ((0, 0), (1, 0), (0, 1), (1, 1))
SIZES = (0.4, 0.48)

#: So much of an object's width and height is cut off at each corner.
CUT = 0.15

#: How often a third object is there, and how often an object is a crowd: several of a shape, given by run lengths.
THREE = 0.6
CROWDS = 0.1

#: Side of the one object of a picture that has no candidate: more than half of the picture.
LARGE = 0.9

TABLE = (232, 226, 216)


@dataclass(frozen=True)
class Thing:
    """An object: a small scene, and where it lies (x, y, width, height in pixels)."""

    scene: Scene
    box: tuple[int, int, int, int]

    def polygon(self) -> list[int]:
        """Outline x, y, x, y, …: the box without its corners."""
        x, y, width, height = self.box
        dx, dy = round(CUT * width), round(CUT * height)
        right, bottom = x + width, y + height
        return [
            *(x + dx, y, right - dx, y, right, y + dy, right, bottom - dy),
            *(right - dx, bottom, x + dx, bottom, x, bottom - dy, x, y + dy),
        ]

    def mask(self, side: int) -> Mask:
        """What it covers of a picture of `side` × `side` pixels: [side, side]."""
        return polygon_mask([self.polygon()], side, side)


@dataclass(frozen=True)
class Photograph:
    """One picture: its number, its side in pixels, and its objects in the order of their annotations."""

    number: int
    side: int
    things: list[Thing]

    @property
    def name(self) -> str:
        """`000000271520`."""
        return f"{self.number:012d}"


# ---- photographs ---------------------------------------------------------------------------------------------------


def make_photographs(seed: int, image_size: int, n_gallery: int, n_queries: int) -> list[Photograph]:
    """Draw the pictures of val2017, with different numbers.

    Args:
        seed: of every draw.
        image_size: side of a picture, in pixels.
        n_gallery: pictures in all.
        n_queries: pictures that have an object smaller than half of them; of the rest every other has one larger
            object, and every other none.
    """
    if not 0 < n_queries <= n_gallery:
        raise CirqueError(
            f"n_queries: every query has a photograph of its own, so there can be 1 to {n_gallery} (n_gallery),"
            f" {n_queries} were asked for"
        )
    rng = draws(seed, "coco")
    looks = _looks(rng)
    numbers = rng.sample(range(1, ID_LIMIT), n_gallery)
    return [
        Photograph(number, image_size, _things(place - n_queries, image_size, looks, draws(seed, "coco", place)))
        for place, number in enumerate(numbers)
    ]


def _looks(rng: random.Random) -> dict[str, list[tuple[str, str]]]:
    """Colours and backgrounds of each shape."""
    pairs = [(colour, background) for colour in COLOURS for background in BACKGROUNDS]
    return {shape: rng.sample(pairs, N_LOOKS) for shape in SHAPES[:N_SHAPES]}


def _things(spare: int, image_size: int, looks: dict[str, list[tuple[str, str]]], rng: random.Random) -> list[Thing]:
    """Objects of a picture; that of a spare one (from 0 on) is too large, or there is none."""
    if spare >= 0:
        side = round(LARGE * image_size)
        return [] if spare % 2 else [Thing(_scene(rng.choice(list(looks)), looks, rng), (0, 0, side, side))]
    shapes = rng.sample(list(looks), 3 if chance(rng, THREE) else 2)
    quarters = rng.sample(QUARTERS, len(shapes))
    return [
        Thing(_scene(shape, looks, rng), _box(quarter, image_size, rng))
        for shape, quarter in zip(shapes, quarters, strict=True)
    ]


def _scene(shape: str, looks: dict[str, list[tuple[str, str]]], rng: random.Random) -> Scene:
    """An object by itself, or a crowd of three."""
    colour, background = rng.choice(looks[shape])
    return Scene(shape, colour, 3 if chance(rng, CROWDS) else 1, background)


def _box(quarter: tuple[int, int], image_size: int, rng: random.Random) -> tuple[int, int, int, int]:
    """A place in a quarter of the picture."""
    width, height = (round(rng.uniform(*SIZES) * image_size) for _ in quarter)
    half = image_size // 2
    left, top = rng.randint(0, max(0, half - width)), rng.randint(0, max(0, half - height))
    return quarter[0] * half + left, quarter[1] * half + top, width, height


def picture(photograph: Photograph, seed: int) -> Image.Image:
    """The picture itself, RGB."""
    image = Image.new("RGB", (photograph.side, photograph.side), TABLE)
    for place, thing in enumerate(photograph.things):
        _, _, width, height = thing.box
        drawn = render(thing.scene, max(width, height), draws(seed, "coco", photograph.number, "picture", place))
        layer = Image.new("RGB", image.size)
        layer.paste(drawn.resize((width, height), Image.Resampling.BICUBIC), thing.box[:2])
        image.paste(layer, mask=Image.fromarray(thing.mask(photograph.side)))
    return image


# ---- captions ------------------------------------------------------------------------------------------------------


def _named(scene: Scene) -> str:
    """`a red star`, `three blue fish`."""
    plural = scene.count > 1
    words = f"{scene.colour} {noun(scene.shape, plural)}"
    return f"{NUMBERS[scene.count]} {words}" if plural else article(words)


def full_caption(photograph: Photograph) -> str:
    """`a photo of a red star and a blue heart`: every object, in the order of the annotations."""
    return f"a photo of {' and '.join(_named(thing.scene) for thing in photograph.things)}"


def composed_caption(photograph: Photograph, rng: random.Random) -> str:
    """A caption to learn from: the objects in any order, by name alone or with their colours."""
    things = rng.sample(photograph.things, len(photograph.things))
    coloured = chance(rng, 0.5)
    said = [_named(thing.scene) if coloured else noun(thing.scene.shape, False) for thing in things]
    return f"a photo of {' and '.join(said)}"


def composed_captions(
    seed: int, image_size: int, n_pictures: int, n_captions: int
) -> Iterator[tuple[Image.Image, list[str]]]:
    """Pictures of several objects of any look, each with some captions; none of them is one of val2017.

    Args:
        seed: of every draw; a picture depends on it and its number only.
        image_size: side of a picture, in pixels.
        n_pictures: how many.
        n_captions: of each picture.
    """
    for number in range(n_pictures):
        # Numbers of val2017 are positive, so that the draws of no picture are those of one of them.
        photograph = of_any_look(-1 - number, image_size, draws(seed, "composed", number))
        captions = [composed_caption(photograph, draws(seed, "composed", number, i)) for i in range(n_captions)]
        yield picture(photograph, seed), captions


def of_any_look(number: int, image_size: int, rng: random.Random) -> Photograph:
    """A photograph of two or three objects, each of any shape, colour and background."""
    looks = {shape: [(colour, background) for colour in COLOURS for background in BACKGROUNDS] for shape in SHAPES}
    return Photograph(number, image_size, _things(-1, image_size, looks, rng))


# ---- official files ------------------------------------------------------------------------------------------------


def category_id(shape: str) -> int:
    """The id of a shape's category."""
    return 1 + CATEGORY_STEP * CATEGORIES.index(shape)


def run_lengths(mask: Mask) -> list[int]:
    """Run lengths of a mask down its columns, the first of pixels outside, as COCO tells its crowds."""
    inside = mask.T.ravel()
    ends = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    lengths = np.diff([0, *ends.tolist(), inside.size]).tolist()
    return [0, *lengths] if inside[0] else list(lengths)


def _segmentation(photograph: Photograph, thing: Thing) -> Any:
    if thing.scene.count == 1:
        return [thing.polygon()]
    return {"size": [photograph.side, photograph.side], "counts": run_lengths(thing.mask(photograph.side))}


def instances(photographs: list[Photograph]) -> dict[str, Any]:
    """The content of `instances_val2017.json`."""
    return {
        "images": [
            {"id": one.number, "file_name": f"{one.name}.jpg", "height": one.side, "width": one.side}
            for one in photographs
        ],
        "annotations": [
            {
                "id": 10 * one.number + place,
                "image_id": one.number,
                "category_id": category_id(thing.scene.shape),
                "bbox": [float(number) for number in thing.box],
                "area": float(np.count_nonzero(thing.mask(one.side))),
                "iscrowd": int(thing.scene.count > 1),
                "segmentation": _segmentation(one, thing),
            }
            for one in photographs
            for place, thing in enumerate(one.things)
        ],
        "categories": [{"supercategory": "shape", "id": category_id(shape), "name": shape} for shape in CATEGORIES],
    }


def full_captions(photographs: list[Photograph], n_queries: int) -> dict[str, str]:
    """The complete caption of each photograph that asks, by query id: the first ones are those."""
    return {photograph.name: full_caption(photograph) for photograph in photographs[:n_queries]}
