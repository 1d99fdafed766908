"""Generate CC12M from scenes of the mini world: addresses with captions, and the images that could be downloaded."""

from collections.abc import Iterator
from pathlib import Path

from cirque.mini import cc12m
from cirque.mini.drawing import jpeg
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("cc12m/cc12m.tsv", "cc12m/cc/Train_cc12m_output.csv")
FOLDERS = ("cc12m/cc_data/train",)

#: One address of so many gives no image any more: links rot.
DEAD = 5


def generate(*, seed: int, image_size: int, n_cc12m_images: int, data_root: Path) -> None:
    """Write cc12m/cc12m.tsv, cc12m/cc/Train_cc12m_output.csv and cc12m/cc_data/train.

    Args:
        seed: Of every draw.
        image_size: Shorter side of an image, in pixels.
        n_cc12m_images: How many addresses still give an image; the official file has more lines.
        data_root: Folder of the generated data.
    """
    root = data_root / "cc12m"
    numbers = [i for i in range(2 * n_cc12m_images) if i % DEAD != DEAD - 1][:n_cc12m_images]
    said: dict[int, str] = {}

    def pictures() -> Iterator[tuple[str, bytes]]:
        for i in progress(numbers, what="CC12M images", unit="image"):
            image, said[i] = cc12m.pair(seed, i, image_size)
            yield f"{i:09d}.jpg", jpeg(image)

    write_folder(root / "cc_data" / "train", pictures())
    listed = [f"{said[i]}\tcc_data/train/{i:09d}.jpg\n" for i in numbers]
    files.write_text(root / "cc" / "Train_cc12m_output.csv", "title\tfilepath\n" + "".join(listed))
    captions = (said.get(i) or cc12m.pair(seed, i, image_size)[1] for i in range(numbers[-1] + 1))
    lines = [f"http://images.invalid/{i:09d}.jpg\t{caption}\n" for i, caption in enumerate(captions)]
    files.write_text(root / "cc12m.tsv", "".join(lines))
