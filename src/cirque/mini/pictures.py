"""Stand-in pictures under given names, for a rehearsal of the real path without the real photographs."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from cirque.datasets import Size
from cirque.mini.drawing import jpeg, png, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
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


def sized(name: str, seed: int, size: int, exact: Size | None) -> Image.Image:
    """A picture of its own for each name, stretched to an exact width and height where these matter."""
    found = picture(name, seed, size)
    return found.resize(exact) if exact else found


def shared_out(wanted: Mapping[str, Size | None], n_distinct: int) -> list[list[str]]:
    """Which names have the same picture: at most `n_distinct` groups, or a few more so that each size has one.

    Groups go to sizes in proportion to their names, so that each name has a picture of its own where there are no more.
    """
    of_size: dict[Size | None, list[str]] = defaultdict(list)
    for name in sorted(wanted):
        of_size[wanted[name]].append(name)
    groups = []
    for names in of_size.values():
        n_groups = min(len(names), max(1, n_distinct * len(names) // len(wanted)))
        groups += [names[first::n_groups] for first in range(n_groups)]
    return groups


def draw(wanted: Mapping[str, Size | None], seed: int, size: int, n_distinct: int, folder: Path) -> int:
    """Write a picture under each file name into a new folder, as PNG or, where the name does not say so, as JPEG.

    Args:
        wanted: by name below the folder, the width and height that a picture must have, or None.
        seed: of the pictures.
        size: shorter side of a picture whose size does not matter (pixels).
        n_distinct: how many pictures differ (`shared_out`); the other names are links to them.
        folder: takes the place of the one that is there.

    Returns:
        How many pictures differ.
    """
    groups = shared_out(wanted, n_distinct)

    def contents() -> Iterator[tuple[str, bytes]]:
        for names in progress(groups, what=f"draw {folder}", unit="picture"):
            encode = png if names[0].lower().endswith(".png") else jpeg
            data = encode(sized(names[0], seed, size, wanted[names[0]]))
            yield from ((name, data) for name in names)

    write_folder(folder, contents())
    return len(groups)
