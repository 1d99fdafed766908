"""Stand-in pictures under given names, for a rehearsal of the real path without the real photographs."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cirque.mini.drawing import png, render
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene
from cirque.progress import progress


def picture(name: str, seed: int, size: int) -> Image.Image:
    """A scene of its own for each name, on a canvas up to twice as wide or high, as photographs are."""
    rng = draws(seed, "picture", name)
    scene = render(draw_scene(rng), size, rng)
    longer = round(size * rng.uniform(1.0, 2.0))
    width, height = (longer, size) if rng.random() < 0.7 else (size, longer)
    canvas = Image.new("RGB", (width, height), scene.getpixel((0, 0)))
    canvas.paste(scene, ((width - size) // 2, (height - size) // 2))
    return canvas


def draw(names: Sequence[str], seed: int, size: int, folder: Path) -> None:
    """Write a PNG of shorter side `size` under each file name into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in progress(names, what=f"draw {folder}", unit="picture"):
        (folder / name).write_bytes(png(picture(name, seed, size)))
