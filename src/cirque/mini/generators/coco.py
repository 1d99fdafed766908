"""Generate COCO val2017 from scenes of the mini world: photographs of several objects, and their instances file."""

import json
from pathlib import Path

from cirque.mini import coco
from cirque.mini.drawing import jpeg
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write coco/val2017, coco/annotations/instances_val2017.json and coco/mini (full captions).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_gallery: Photographs in all.
        n_queries: Photographs that have an object to draw: each becomes a query and a candidate.
        data_root: Folder of the generated data.
    """
    root = data_root / "coco"
    photographs = coco.make_photographs(seed, image_size, n_gallery, n_queries)
    write_folder(
        root / "val2017",
        (
            (f"{photograph.name}.jpg", jpeg(coco.picture(photograph, seed)))
            for photograph in progress(photographs, what="COCO images", unit="image")
        ),
    )
    files.write_text(root / "annotations" / "instances_val2017.json", json.dumps(coco.instances(photographs)))
    files.write_json(root / "mini" / "full_captions.json", coco.full_captions(photographs, n_queries))
