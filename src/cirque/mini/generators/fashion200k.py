"""Generate Fashion200k from scenes of the mini world: cropped products, label files, and queries of TIRG's form."""

from itertools import groupby
from pathlib import Path, PurePosixPath

from cirque.datasets import fashion200k as official
from cirque.mini import fashion200k
from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_fashion200k: int, n_fashion200k_queries: int, data_root: Path) -> None:
    """Write Fashion200k/women, Fashion200k/labels, Fashion200k/test_queries.txt and Fashion200k/mini (full captions).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_fashion200k: Images of train; test has as many.
        n_fashion200k_queries: Queries of test.
        data_root: Folder of the generated data.
    """
    root = data_root / official.FOLDER
    splits = fashion200k.make_splits(seed, n_fashion200k)
    queries = fashion200k.make_queries(seed, splits["test"], n_fashion200k_queries)
    every = [item for items in splits.values() for item in items]
    products = [(folder, list(items)) for folder, items in groupby(every, lambda item: _folder(item.image_id))]
    for folder, items in progress(products, what="Fashion200k products", unit="folder"):
        contents = (
            (
                PurePosixPath(item.image_id).name,
                jpeg(render(item.scene, image_size, draws(seed, item.image_id, "picture"))),
            )
            for item in items
        )
        write_folder(root / folder, contents)
    for split, items in splits.items():
        lists = official.annotation_files(split)
        for category in official.CATEGORIES:
            files.write_text(data_root / lists[f"split_{category}"], fashion200k.labels(items, category))
    files.write_text(data_root / official.annotation_files("test")["queries"], fashion200k.query_list(queries))
    scene_of = {item.image_id: item.scene for item in splits["test"]}
    files.write_json(root / "mini" / "full_captions.json", fashion200k.full_captions(queries, scene_of))


def _folder(image_id: str) -> str:
    return str(PurePosixPath(image_id).parent)
