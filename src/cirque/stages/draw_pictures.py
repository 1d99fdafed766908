"""Draw a picture under every image name of a split, in place of photographs that are not to be had."""

from pathlib import Path

from cirque.errors import CirqueError
from cirque.mini.pictures import draw
from cirque.store.files import read_json


def main(*, split: Path, seed: int, image_size: int, output: Path) -> None:
    """Draw the images of a CIRR split file as PNG into the folder `output`.

    Args:
        split: Official split file: image name to relative path.
        seed: Seed of the pictures.
        image_size: Shorter side in pixels.
        output: Folder of the split (dev, test1).
    """
    paths = read_json(split)
    if not isinstance(paths, dict) or not paths:
        raise CirqueError(f"{split}: a split file maps image names to paths; this one does not")
    draw(sorted(Path(path).name for path in paths.values()), seed, image_size, output)
