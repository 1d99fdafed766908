"""ImageNet → ImageNet-R made of generated scenes, in the layout of Pic2Word's lists.

A photograph is a scene as it is drawn; cartoon, origami, toy and sculpture are four ways of rendering one anew. The
class is the shape: colour, number and background of a photograph say nothing about its targets, as the breed of a dog
is kept in a cartoon but the meadow is not. As in ImageNet-R not every class has pictures in every domain.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from cirque.datasets.imagenet_r import DOMAINS, FOLDER, PER_DOMAIN, REAL
from cirque.errors import CirqueError
from cirque.mini.captions import MENTIONED, article, noun, noun_phrase
from cirque.mini.drawing import render
from cirque.mini.draws import chance, draws
from cirque.mini.scenes import SHAPES, Scene, draw_scene

#: Classes, of the twelve, that have no picture in a domain.
N_WITHOUT = 3

#: Paper, plaster and studs, whatever the scene's own colours.
PAPER = (250, 244, 226)
PLASTER = (206, 202, 194)
STUDS_PER_SIDE = 16
FOLDS_PER_SIDE = 6

#: What stands around a description. `a origami` is no slip: so Pic2Word's prompt has it.
FRAMES = ("a {domain} of {words}", "a {domain} of {words}", "{domain} of {words}", "this is a {domain} of {words}")


#: What a rendering does not show, so that a caption should not tell it.
LOST = {"cartoon": {"background"}, "sculpture": {"colour"}}


@dataclass(frozen=True)
class Picture:
    """One image: where it lies below the data root, the scene that it shows, its domain (None: a photograph), label."""

    path: str
    scene: Scene
    domain: str | None
    label: int


@dataclass(frozen=True)
class Benchmark:
    """The photographs, which ask and are candidates, and the other candidates."""

    photographs: list[Picture]
    renderings: list[Picture]


# ---- renderings ----------------------------------------------------------------------------------------------------


def styled(image: Image.Image, domain: str) -> Image.Image:
    """Render an RGB picture anew as a cartoon, an origami, a toy or a sculpture; its size stays.

    Raises:
        CirqueError: the domain is none of the four.
    """
    if domain not in DOMAINS:
        raise CirqueError(f"no domain is called {domain!r}; there are {', '.join(DOMAINS)}")
    return {"cartoon": _cartoon, "origami": _origami, "toy": _toy, "sculpture": _sculpture}[domain](image)


def _cartoon(image: Image.Image) -> Image.Image:
    """Few flat and loud colours, black lines between them."""
    flat = ImageOps.posterize(ImageEnhance.Color(image.filter(ImageFilter.ModeFilter(3))).enhance(1.8), 1)
    flat = flat.point(lambda value: 255 if value else 40)
    edges = flat.convert("L").filter(ImageFilter.FIND_EDGES)
    _blank_border(edges, 0)
    flat.paste((0, 0, 0), mask=edges.point(lambda value: 255 if value > 40 else 0))
    return flat


def _blank_border(image: Image.Image, value: int) -> None:
    """PIL's filters leave the outermost pixels as they were, which looks like a frame."""
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), outline=value, width=2)


def _origami(image: Image.Image) -> Image.Image:
    """Pale paper with creases from edge to edge: one half of each fold lies in the shade."""
    pale = Image.blend(image, Image.new("RGB", image.size, PAPER), 0.4)
    shade = Image.new("L", image.size)
    draw = ImageDraw.Draw(shade)
    side = FOLDS_PER_SIDE
    for column, row in product(range(side), repeat=2):
        left, right = (image.width * (column + step) // side for step in (0, 1))
        top, bottom = (image.height * (row + step) // side for step in (0, 1))
        # Every other fold is turned, so that four of them make a diamond.
        corner = (left, bottom) if (column + row) % 2 else (right, bottom)
        draw.polygon([(left, top), (right, top), corner], fill=80)
    return ImageChops.subtract(pale, Image.merge("RGB", [shade] * 3))


def _toy(image: Image.Image) -> Image.Image:
    """Bricks in loud colours with a round stud on each."""
    side = STUDS_PER_SIDE
    bricks = ImageEnhance.Color(image.resize((side, side), Image.Resampling.BOX)).enhance(2.5)
    toy = bricks.resize(image.size, Image.Resampling.NEAREST)
    light = ImageEnhance.Brightness(toy).enhance(1.4)
    dark = ImageEnhance.Brightness(toy).enhance(0.55)
    studs, gaps = Image.new("L", image.size), Image.new("L", image.size)
    draw_studs, draw_gaps = ImageDraw.Draw(studs), ImageDraw.Draw(gaps)
    for column, row in product(range(side), repeat=2):
        left, right = (image.width * (column + step) / side for step in (0, 1))
        top, bottom = (image.height * (row + step) / side for step in (0, 1))
        draw_gaps.line([(left, bottom - 1), (right - 1, bottom - 1), (right - 1, top)], fill=255)
        inset = (right - left) / 4
        draw_studs.ellipse([left + inset, top + inset, right - inset - 1, bottom - inset - 1], fill=255)
    return Image.composite(light, Image.composite(dark, toy, gaps), studs)


def _sculpture(image: Image.Image) -> Image.Image:
    """Plaster without colour: light from one side on every edge."""
    relief = image.convert("L").filter(ImageFilter.SMOOTH).filter(ImageFilter.EMBOSS)
    _blank_border(relief, 128)  # what EMBOSS makes of an even surface
    return ImageOps.colorize(ImageOps.autocontrast(relief), (40, 38, 36), (255, 255, 252), PLASTER)


# ---- captioned pictures to learn from ------------------------------------------------------------------------------


def style_caption(scene: Scene, domain: str, rng: random.Random) -> str:
    """`a cartoon of two red stars`: domain and shape always, by chance what else can be seen."""
    mentioned = {"shape"} | {name for name, share in MENTIONED.items() if chance(rng, share)}
    mentioned -= LOST.get(domain, set())
    words = article(noun(scene.shape, False, rng)) if chance(rng, 0.2) else noun_phrase(scene, mentioned, rng)
    return rng.choice(FRAMES).format(domain=domain, words=words)


def style_captions(
    seed: int, image_size: int, n_pictures: int, n_captions: int
) -> Iterator[tuple[Image.Image, list[str]]]:
    """Pictures of the four domains in turn, of any scene, each with some captions.

    Args:
        seed: of every draw; a picture depends on it and its number only.
        image_size: side of a picture, in pixels.
        n_pictures: how many.
        n_captions: of each picture.
    """
    for number in range(n_pictures):
        scene = draw_scene(draws(seed, "styled", number))
        domain = tuple(DOMAINS)[number % len(DOMAINS)]
        picture = styled(render(scene, image_size, draws(seed, "styled", number, "picture")), domain)
        captions = [style_caption(scene, domain, draws(seed, "styled", number, i)) for i in range(n_captions)]
        yield picture, captions


# ---- the benchmark -------------------------------------------------------------------------------------------------


def wnid(shape: str) -> str:
    """`n00000001`: the folder of a class, in the form of a WordNet id."""
    return f"n{SHAPES.index(shape) + 1:08d}"


def make_benchmark(seed: int, n_gallery: int, n_queries: int) -> Benchmark:
    """Draw photographs and renderings.

    Args:
        seed: of every draw.
        n_gallery: candidates, the photographs among them.
        n_queries: queries: each photograph asks once for each domain, a remainder is left out.
    """
    n_photographs = n_queries // len(DOMAINS)
    n_renderings = n_gallery - n_photographs
    if n_photographs < 1:
        raise CirqueError(f"n_queries: {n_queries} is less than one photograph, which asks {len(DOMAINS)} times")
    if n_renderings < len(DOMAINS):
        raise CirqueError(
            f"n_gallery: {n_gallery} candidates leave {n_renderings} for pictures beside the {n_photographs}"
            f" photographs; {len(DOMAINS)} or more are needed, raise n_gallery"
        )
    rng = draws(seed, "imagenet_r")
    # As in Pic2Word's lists a class goes by a number of no meaning.
    numbers = dict(zip(SHAPES, rng.sample(range(1, PER_DOMAIN), len(SHAPES)), strict=True))
    photographs = [_photograph(i, draws(seed, "imagenet_r", "photograph", i), numbers) for i in range(n_photographs)]
    kinds = _kinds(rng)
    renderings = [
        _rendering(i // len(kinds), *kinds[i % len(kinds)], draws(seed, "imagenet_r", "rendering", i), numbers)
        for i in range(n_renderings)
    ]
    return Benchmark(photographs, renderings)


def _kinds(rng: random.Random) -> list[tuple[str, str]]:
    """Each (domain, shape) that has pictures, the domains in turn."""
    kept = [rng.sample(SHAPES, len(SHAPES) - N_WITHOUT) for _ in DOMAINS]
    return [kind for shapes in zip(*kept, strict=True) for kind in zip(DOMAINS, shapes, strict=True)]


def _of_shape(shape: str, rng: random.Random) -> Scene:
    drawn = draw_scene(rng)
    return Scene(shape, drawn.colour, drawn.count, drawn.background)


def _photograph(number: int, rng: random.Random, numbers: dict[str, int]) -> Picture:
    """Classes in turn: their numbers of photographs differ by one at most."""
    shape = SHAPES[number % len(SHAPES)]
    path = f"{FOLDER}real/{wnid(shape)}/ILSVRC2012_val_{number + 1:08d}.JPEG"
    return Picture(path, _of_shape(shape, rng), None, REAL * PER_DOMAIN + numbers[shape])


def _rendering(number: int, domain: str, shape: str, rng: random.Random, numbers: dict[str, int]) -> Picture:
    path = f"{FOLDER}imagenet-r/{wnid(shape)}/{domain}_{number}.jpg"
    return Picture(path, _of_shape(shape, rng), domain, DOMAINS[domain] * PER_DOMAIN + numbers[shape])


def picture(of: Picture, seed: int, image_size: int) -> Image.Image:
    """The image itself, RGB, `image_size` pixels a side."""
    drawn = render(of.scene, image_size, draws(seed, of.path, "picture"))
    return drawn if of.domain is None else styled(drawn, of.domain)


# ---- official files ------------------------------------------------------------------------------------------------


def query_list(benchmark: Benchmark) -> str:
    """The content of `imgnet_real_query.txt`: its labels hold no domain, a space ends each line."""
    return "".join(f"{of.path} {of.label % PER_DOMAIN} \n" for of in benchmark.photographs)


def target_list(benchmark: Benchmark) -> str:
    """The content of `imgnet_targets.txt`."""
    return "".join(f"{of.path} {of.label} \n" for of in [*benchmark.renderings, *benchmark.photographs])


def full_captions(benchmark: Benchmark) -> dict[str, str]:
    """What the targets of a query show, by query id: `a cartoon of a star`, also where there is no target."""
    return {
        f"{domain}-{number}": f"a {domain} of {article(noun(of.scene.shape, False))}"
        for domain in DOMAINS
        for number, of in enumerate(benchmark.photographs)
    }
