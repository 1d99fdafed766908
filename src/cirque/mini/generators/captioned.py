"""Generate captioned images, a corpus of sentences and the concept vocabulary of the mini world."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from PIL.Image import Image

from cirque.mini.captions import caption
from cirque.mini.coco import composed_captions
from cirque.mini.concepts import corpus, vocabulary
from cirque.mini.drawing import png, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_tar
from cirque.mini.imagenet_r import style_captions
from cirque.mini.scenes import draw_scene
from cirque.progress import progress
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("captions/images.tar", "captions/corpus.txt", "openimages/oidv7-class-descriptions.csv")

#: Each image has so many captions, one a line, as some image-text sets have.
CAPTIONS_PER_IMAGE = 5


def _plain(seed: int, image_size: int, n_captioned: int) -> Iterator[tuple[Image, list[str]]]:
    for i in progress(range(n_captioned), what="captioned images", unit="image"):
        scene = draw_scene(draws(seed, "captioned", i))
        image = render(scene, image_size, draws(seed, "captioned", i, "picture"))
        yield image, [caption(scene, draws(seed, "captioned", i, "caption", j)) for j in range(CAPTIONS_PER_IMAGE)]


def _members(pictures: Iterable[tuple[Image, list[str]]]) -> Iterator[tuple[str, bytes]]:
    for i, (image, lines) in enumerate(pictures):
        yield f"{i:06d}.png", png(image)
        yield f"{i:06d}.txt", ("\n".join(lines) + "\n").encode()


def generate(
    *,
    seed: int,
    image_size: int,
    n_captioned: int,
    n_styled: int,
    n_composed: int,
    n_sentences: int,
    data_root: Path,
) -> None:
    """Write captions/images.tar, captions/corpus.txt and openimages/oidv7-class-descriptions.csv.

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_captioned: Number of images of one scene.
        n_styled: Number of images of a scene in one of ImageNet-R's styles.
        n_composed: Number of images of several things, as COCO's are.
        n_sentences: Number of sentences of the corpus.
        data_root: Folder of the generated data.
    """
    pictures = chain(
        _plain(seed, image_size, n_captioned),
        style_captions(seed, image_size, n_styled, CAPTIONS_PER_IMAGE),
        composed_captions(seed, image_size, n_composed, CAPTIONS_PER_IMAGE),
    )
    write_tar(data_root / "captions" / "images.tar", _members(pictures))
    files.write_text(data_root / "captions" / "corpus.txt", "".join(f"{line}\n" for line in corpus(seed, n_sentences)))
    files.write_text(data_root / "openimages" / "oidv7-class-descriptions.csv", vocabulary())
