"""Alternative texts of the web's pictures, unsorted: captions among titles of shops, names of files and prices.

What COYO-700M is to CC3M: the same scenes, said with more that is not about the picture.
"""

import random

from cirque.mini.captions import caption, noun, noun_phrase
from cirque.mini.draws import chance
from cirque.mini.scenes import ATTRIBUTES, Scene, draw_scene
from cirque.mini.words import BACKDROPS

SITES = ("Pictura", "ShapeStock", "Home & Wall", "cutout.example", "The Print Corner")

#: What stands around a description on a page; 😍 and $ are as common there as words.
FRAMES = (
    "{} - Stock Photo",
    "{} | {site}",
    "{} stock illustration {number}",
    "Buy {} for ${number}.99 - free shipping",
    "{} 😍",
    "{} by {site}",
    "Poster: {}, {number} x {number} cm",
    "{}...",
    "IMG_{number} {}",
)

#: Shares of what is a caption of its own, and of what is the name of a file.
CAPTIONS, FILE_NAMES = 0.3, 0.1


def alt_text(rng: random.Random) -> str:
    """`Two Red Stars On A Striped Background | ShapeStock`."""
    scene = draw_scene(rng)
    share = rng.random()
    if share < CAPTIONS:
        return caption(scene, rng)
    if share < CAPTIONS + FILE_NAMES:
        return _file_name(scene, rng)
    said = noun_phrase(scene, {name for name in ATTRIBUTES if chance(rng, 0.7)}, rng)
    said = said.title() if chance(rng, 0.5) else said
    return rng.choice(FRAMES).format(said, site=rng.choice(SITES), number=rng.randrange(10, 9999))


def _file_name(scene: Scene, rng: random.Random) -> str:
    """`red-stars-striped-background-0412.jpg`."""
    words = [scene.colour, noun(scene.shape, scene.count > 1, rng), BACKDROPS[scene.background][0], "background"]
    return "-".join([*words, f"{rng.randrange(10_000):04d}"]).replace(" ", "-") + ".jpg"
