"""Generate MIT-States from scenes of the mini world: a folder of images for each pair, and lists of pairs."""

from itertools import groupby
from pathlib import Path

from cirque.datasets import mitstates as official
from cirque.datasets import mitstates_pairs
from cirque.mini import mitstates
from cirque.mini.drawing import jpeg
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files

#: What is written, relative to the data root: two data sets read it.
FILES = (
    "mitstates/adj_ants.csv",
    "mitstates/compositional-split/train_pairs.txt",
    "mitstates/compositional-split/test_pairs.txt",
    "mitstates/mini/full_captions.json",
)
FOLDERS = ("mitstates/images",)


def generate(*, seed: int, image_size: int, n_mitstates: int, data_root: Path) -> None:
    """Write mitstates/images, adj_ants.csv, compositional-split and mitstates/mini (full captions).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_mitstates: Images of the nouns of training; the unseen nouns have a third of them.
        data_root: Folder of the generated data.
    """
    shown = mitstates.make_images(seed, n_mitstates)
    folders = [(Path(of), list(images)) for of, images in groupby(shown, lambda of: Path(of.picture.path).parent)]
    for folder, images in progress(folders, what="MIT-States folders", unit="folder"):
        contents = ((of.picture.file, jpeg(mitstates.image(of, seed, image_size))) for of in images)
        write_folder(data_root / folder, contents)
    files.write_text(data_root / official.annotation_files("train")["antonyms"], mitstates.antonyms(shown))
    pairs = mitstates.split_pairs(seed, shown)
    for split, of_split in (("train_pairs", pairs["train"]), ("unseen_pairs", pairs["test"])):
        files.write_text(data_root / mitstates_pairs.FILES[split], mitstates.pair_list(of_split))
    files.write_json(data_root / official.FOLDER / "mini" / "full_captions.json", mitstates.full_captions(shown))
