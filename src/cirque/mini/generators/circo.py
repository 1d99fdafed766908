"""Generate CIRCO from scenes of the mini world: images, annotations in the official format, and the answers."""

import json
from pathlib import Path

from cirque.mini import circo
from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write CIRCO/COCO2017_unlabeled, CIRCO/annotations and CIRCO/mini (answers, full captions).

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_gallery: Images, which both splits share.
        n_queries: Queries in each split.
        data_root: Folder of the generated data.
    """
    root = data_root / "CIRCO"
    gallery = circo.make_gallery(seed, n_gallery)
    pairs = list(zip(gallery.file_names(), gallery.scenes, strict=True))
    write_folder(
        root / "COCO2017_unlabeled" / "unlabeled2017",
        (
            (name, jpeg(render(scene, image_size, draws(seed, "circo", name, "picture"))))
            for name, scene in progress(pairs, what="CIRCO images", unit="image")
        ),
    )
    files.write_text(
        root / "COCO2017_unlabeled" / "annotations" / "image_info_unlabeled2017.json",
        json.dumps(circo.image_info(gallery)),
    )
    captions: dict[str, str] = {}
    for split in circo.SPLITS:
        queries = circo.make_queries(seed, split, gallery, n_queries)
        hidden = split == "test"
        content = circo.records(gallery, queries, hidden=hidden)
        files.write_text(root / "annotations" / f"{split}.json", json.dumps(content, indent=4))
        captions |= circo.full_captions(split, queries)
        if hidden:
            files.write_json(root / "mini" / "answers.test.json", circo.answers(gallery, queries))
    files.write_json(root / "mini" / "full_captions.json", captions)
