"""Generate unlabeled images of the mini world in the layout of ImageNet-1K's test split."""

from collections.abc import Iterator
from pathlib import Path

from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.mini.scenes import draw_scene
from cirque.progress import progress

#: What is written, relative to the data root.
FOLDERS = ("ImageNet1K/test",)


def _images(seed: int, image_size: int, n_unlabeled: int) -> Iterator[tuple[str, bytes]]:
    for i in progress(range(n_unlabeled), what="unlabeled images", unit="image"):
        scene = draw_scene(draws(seed, "unlabeled", i))
        image = render(scene, image_size, draws(seed, "unlabeled", i, "picture"))
        yield f"ILSVRC2012_test_{i + 1:08d}.JPEG", jpeg(image)


def generate(*, seed: int, image_size: int, n_unlabeled: int, data_root: Path) -> None:
    """Write ImageNet1K/test/ILSVRC2012_test_00000001.JPEG and so on.

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_unlabeled: Number of images.
        data_root: Folder of the generated data.
    """
    write_folder(data_root / "ImageNet1K" / "test", _images(seed, image_size, n_unlabeled))
