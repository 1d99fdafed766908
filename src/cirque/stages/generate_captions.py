"""Generate captioned images, a corpus of sentences and the concept vocabulary of the mini world."""

from collections.abc import Iterator
from pathlib import Path

from cirque import files
from cirque.mini.captions import caption
from cirque.mini.concepts import corpus, vocabulary
from cirque.mini.drawing import png, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_tar
from cirque.mini.scenes import draw_scene
from cirque.progress import progress

#: Each image has so many captions, one a line, as some image-text sets have.
CAPTIONS_PER_IMAGE = 5


def _captioned(seed: int, image_size: int, n_captioned: int) -> Iterator[tuple[str, bytes]]:
    for i in progress(range(n_captioned), what="captioned images", unit="image"):
        scene = draw_scene(draws(seed, "captioned", i))
        image = render(scene, image_size, draws(seed, "captioned", i, "picture"))
        lines = [caption(scene, draws(seed, "captioned", i, "caption", j)) for j in range(CAPTIONS_PER_IMAGE)]
        yield f"{i:06d}.png", png(image)
        yield f"{i:06d}.txt", ("\n".join(lines) + "\n").encode()


def main(*, seed: int, image_size: int, n_captioned: int, n_sentences: int, data_root: Path) -> None:
    """Write captions/images.tar, captions/corpus.txt and openimages/oidv7-class-descriptions.csv.

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_captioned: Number of captioned images.
        n_sentences: Number of sentences of the corpus.
        data_root: Folder of the generated data.
    """
    write_tar(data_root / "captions" / "images.tar", _captioned(seed, image_size, n_captioned))
    files.write_text(data_root / "captions" / "corpus.txt", "".join(f"{line}\n" for line in corpus(seed, n_sentences)))
    files.write_text(data_root / "openimages" / "oidv7-class-descriptions.csv", vocabulary())
