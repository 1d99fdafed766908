"""Generate ImageNet → ImageNet-R from scenes of the mini world: photographs, renderings and Pic2Word's two lists."""

from collections import defaultdict
from pathlib import Path

from cirque.datasets.imagenet_r import annotation_files
from cirque.mini import imagenet_r
from cirque.mini.drawing import jpeg
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write imgnet/real, imgnet/imagenet-r, both lists and imgnet/mini (full captions).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_gallery: Candidates, the photographs among them.
        n_queries: Queries, a quarter in each domain: so a quarter of them is the number of photographs.
        data_root: Folder of the generated data.
    """
    benchmark = imagenet_r.make_benchmark(seed, n_gallery, n_queries)
    folders: dict[Path, list[imagenet_r.Picture]] = defaultdict(list)
    for of in [*benchmark.photographs, *benchmark.renderings]:
        folders[Path(of.path).parent].append(of)
    for folder, pictures in progress(folders.items(), what="ImageNet-R classes", unit="folder"):
        contents = ((Path(of.path).name, jpeg(imagenet_r.picture(of, seed, image_size))) for of in pictures)
        write_folder(data_root / folder, contents)
    lists = annotation_files("val")
    files.write_text(data_root / lists["queries"], imagenet_r.query_list(benchmark))
    files.write_text(data_root / lists["split"], imagenet_r.target_list(benchmark))
    files.write_json(data_root / "imgnet" / "mini" / "full_captions.json", imagenet_r.full_captions(benchmark))
