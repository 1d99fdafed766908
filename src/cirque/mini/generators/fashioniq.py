"""Generate FashionIQ from scenes of the mini world: three categories, train and val in the official format."""

import json
from pathlib import Path

from cirque.mini import fashioniq
from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write FashionIQ/images, FashionIQ/captions, FashionIQ/image_splits and FashionIQ/mini (full captions of val).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_gallery: Images of val, a third in each category; train has half as many more.
        n_queries: Queries of val, a third in each category; train has some times as many more.
        data_root: Folder of the generated data.
    """
    root = data_root / "FashionIQ"
    splits = {split: fashioniq.make_benchmark(seed, n_gallery, n_queries, split) for split in ("val", "train")}
    categories = [(split, category) for split, benchmark in splits.items() for category in benchmark]
    pairs = [pair for _, category in categories for pair in zip(category.asins, category.scenes, strict=True)]
    write_folder(
        root / "images",
        (
            (f"{asin}.jpg", jpeg(render(scene, image_size, draws(seed, "fashioniq", asin, "picture"))))
            for asin, scene in progress(pairs, what="FashionIQ images", unit="image")
        ),
    )
    for split, category in categories:
        contents = {
            root / "captions" / f"cap.{category.name}.{split}.json": fashioniq.caption_records(category),
            root / "image_splits" / f"split.{category.name}.{split}.json": category.asins,
        }
        for path, content in contents.items():
            files.write_text(path, json.dumps(content, indent=4))
    files.write_json(root / "mini" / "full_captions.json", fashioniq.full_captions(splits["val"]))
