"""CC12M made of generated scenes: as CC3M's, but the filters that kept those tidy were relaxed.

Besides plain pictures of one scene there are ones in a style and ones of several things, and many are not square. Some
captions carry what pages of the web put around them.
"""

import random
from collections.abc import Callable

from PIL import Image

from cirque.datasets.imagenet_r import DOMAINS
from cirque.mini import coco, imagenet_r
from cirque.mini.captions import caption
from cirque.mini.drawing import render
from cirque.mini.draws import chance, draws
from cirque.mini.pictures import oblong
from cirque.mini.scenes import draw_scene

#: How often a picture is not square, and how many times as wide as high, or as high as wide, it then is at most.
OBLONG = 0.4
LONGEST = 1.5

#: How often a caption is not the description alone, and what stands around it then.
NOISY = 0.3
NOISE = ("{} stock photo", "{} | <PERSON>", "{} - image 3 of 12", "buy {} online", "<PERSON> shows {}")

#: Pictures of several things are numbered from here downwards, away from COCO's and from those of the captioned images.
FIRST_COMPOSED = -(10**9)


def pair(seed: int, number: int, image_size: int) -> tuple[Image.Image, str]:
    """One image and its caption.

    Args:
        seed: of every draw.
        number: of the pair, which with the seed decides it.
        image_size: shorter side of the image, in pixels.
    """
    rng = draws(seed, "cc12m", number)
    (draw,) = rng.choices(list(SHARES), weights=list(SHARES.values()))
    image, said = draw(seed, number, image_size, rng)
    if chance(rng, OBLONG):
        image = oblong(image, LONGEST, rng)
    return image, rng.choice(NOISE).format(said) if chance(rng, NOISY) else said


def _plain(seed: int, number: int, image_size: int, rng: random.Random) -> tuple[Image.Image, str]:
    scene = draw_scene(rng)
    return render(scene, image_size, draws(seed, "cc12m", number, "picture")), caption(scene, rng)


def _styled(seed: int, number: int, image_size: int, rng: random.Random) -> tuple[Image.Image, str]:
    scene, domain = draw_scene(rng), rng.choice(tuple(DOMAINS))
    image = render(scene, image_size, draws(seed, "cc12m", number, "picture"))
    return imagenet_r.styled(image, domain), imagenet_r.style_caption(scene, domain, rng)


def _composed(seed: int, number: int, image_size: int, rng: random.Random) -> tuple[Image.Image, str]:
    photograph = coco.of_any_look(FIRST_COMPOSED - number, image_size, rng)
    return coco.picture(photograph, seed), coco.composed_caption(photograph, rng)


#: The kinds of picture, each with its share.
SHARES: dict[Callable[[int, int, int, random.Random], tuple[Image.Image, str]], float] = {
    _plain: 0.6,
    _styled: 0.2,
    _composed: 0.2,
}
