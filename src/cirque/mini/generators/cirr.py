"""Generate CIRR from scenes of the mini world: images, annotations in the official format, and the answers."""

import json
from pathlib import Path

from cirque.mini import cirr
from cirque.mini.drawing import png, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def _write_images(folder: Path, benchmark: cirr.Benchmark, seed: int, image_size: int) -> None:
    places = [path.removeprefix(f"./{folder.name}/") for path in cirr.split_paths(benchmark).values()]
    pairs = list(zip(places, benchmark.names, benchmark.scenes, strict=True))
    write_folder(
        folder,
        (
            (place, png(render(scene, image_size, draws(seed, "cirr", name, "picture"))))
            for place, name, scene in progress(pairs, what=f"CIRR {benchmark.split} images", unit="image")
        ),
    )


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write CIRR/dev, test1, train, cirr/captions, cirr/image_splits and mini (answers, full captions), all in CIRR.

    Args:
        seed: Of every draw.
        image_size: Side of an image, in pixels.
        n_gallery: Images in each split.
        n_queries: Queries in each split; train has some times as many.
        data_root: Folder of the generated data.
    """
    root = data_root / "CIRR"
    captions: dict[str, str] = {}
    for split, prefix in cirr.PREFIXES.items():
        benchmark = cirr.make_benchmark(seed, split, n_gallery, n_queries)
        _write_images(root / prefix, benchmark, seed, image_size)
        # On one line, as the official files are.
        files.write_text(
            root / "cirr" / "captions" / f"cap.rc2.{split}.json", json.dumps(cirr.caption_records(benchmark, seed))
        )
        files.write_text(
            root / "cirr" / "image_splits" / f"split.rc2.{split}.json", json.dumps(cirr.split_paths(benchmark))
        )
        captions |= cirr.full_captions(benchmark) if split in cirr.ASKED else {}
        if split == "test1":
            files.write_json(root / "mini" / "answers.test1.json", cirr.answers(benchmark))
    files.write_json(root / "mini" / "full_captions.json", captions)
