"""Generate CC3M from scenes of the mini world: captions with addresses, and the images that could be downloaded."""

from pathlib import Path

from cirque.mini.captions import caption
from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.mini.scenes import draw_scene
from cirque.progress import progress
from cirque.store import files

#: What is written, relative to the data root.
FILES = ("cc3m/GCC-training.tsv", "cc3m/cc/Train_GCC-training_output.csv")
FOLDERS = ("cc3m/cc_data/train",)


def generate(*, seed: int, image_size: int, n_cc3m_captions: int, n_cc3m_images: int, data_root: Path) -> None:
    """Write cc3m/GCC-training.tsv, cc3m/cc/Train_GCC-training_output.csv and cc3m/cc_data/train.

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_cc3m_captions: Lines of the official file: caption, TAB, address.
        n_cc3m_images: How many of the first addresses still gave an image.
        data_root: Folder of the generated data.
    """
    root = data_root / "cc3m"
    scenes = [draw_scene(draws(seed, "cc3m", i)) for i in range(n_cc3m_captions)]
    captions = [caption(scene, draws(seed, "cc3m", i, "caption")) for i, scene in enumerate(scenes)]
    lines = [f"{said}\thttp://images.invalid/{i:09d}.jpg\n" for i, said in enumerate(captions)]
    files.write_text(root / "GCC-training.tsv", "".join(lines))
    some = scenes[:n_cc3m_images]
    write_folder(
        root / "cc_data" / "train",
        (
            (f"{i:09d}.jpg", jpeg(render(scene, image_size, draws(seed, "cc3m", i, "picture"))))
            for i, scene in enumerate(progress(some, what="CC3M images", unit="image"))
        ),
    )
    listed = [f"{said}\tcc_data/train/{i:09d}.jpg\n" for i, said in enumerate(captions[: len(some)])]
    files.write_text(root / "cc" / "Train_GCC-training_output.csv", "title\tfilepath\n" + "".join(listed))
