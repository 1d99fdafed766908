"""Stand-in pictures under given names, for a rehearsal of the real path without the real photographs."""

import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cirque.mini.drawing import png, render
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene
from cirque.progress import progress


def oblong(image: Image.Image, longest: float, rng: random.Random) -> Image.Image:
    """The picture in the middle of a canvas up to `longest` times as wide or high, of the colour of its corner."""
    longer = round(image.width * rng.uniform(1.0, longest))
    width, height = (longer, image.height) if rng.random() < 0.7 else (image.width, longer)
    canvas = Image.new("RGB", (width, height), image.getpixel((0, 0)))
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas


def picture(name: str, seed: int, size: int) -> Image.Image:
    """A scene of its own for each name, on a canvas up to twice as wide or high, as photographs are."""
    rng = draws(seed, "picture", name)
    return oblong(render(draw_scene(rng), size, rng), 2.0, rng)


def draw(names: Sequence[str], seed: int, size: int, folder: Path) -> None:
    """Write a PNG of shorter side `size` under each file name into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in progress(names, what=f"draw {folder}", unit="picture"):
        (folder / name).write_bytes(png(picture(name, seed, size)))
