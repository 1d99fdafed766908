"""Generate GeneCIS from scenes of the mini world: pictures to crop, whole images, and the four official files."""

import json
from pathlib import Path

from PIL import Image

from cirque.mini import genecis
from cirque.mini.drawing import jpeg, render
from cirque.mini.draws import draws
from cirque.mini.folders import write_folder
from cirque.progress import progress
from cirque.store import files


def generate(*, seed: int, image_size: int, n_gallery: int, n_queries: int, data_root: Path) -> None:
    """Write VG_100K_all, COCO2017/val2017, the official files in genecis, and genecis/mini (full captions).

    Args:
        seed: Of every draw.
        image_size: Side of a whole image, in pixels; a crop is up to a quarter larger.
        n_gallery: Pictures, half of them crops: the image set lists exactly so many.
        n_queries: Queries, a quarter in each task.
        data_root: Folder of the generated data.
    """
    benchmark = genecis.make_benchmark(seed, image_size, n_gallery, n_queries)
    write_folder(
        data_root / "VG_100K_all",
        (
            (f"{canvas.name}.jpg", jpeg(_paint(canvas, benchmark.cropped, seed, image_size)))
            for canvas in progress(benchmark.canvases, what="GeneCIS pictures to crop", unit="image")
        ),
    )
    whole = [(record["val_image_id"], place) for place, record in enumerate(benchmark.whole.records)]
    write_folder(
        data_root / "COCO2017" / "val2017",
        (
            (f"{number:012d}.jpg", jpeg(_scene(benchmark.whole, place, "whole", seed, image_size)))
            for number, place in progress(whole, what="GeneCIS whole images", unit="image")
        ),
    )
    root = data_root / "genecis"
    for pool in (benchmark.cropped, benchmark.whole):
        for task in pool.queries:
            files.write_text(root / f"{task}.json", json.dumps(genecis.task_records(pool, task), indent=4))
    files.write_json(root / "mini" / "full_captions.json", genecis.full_captions(benchmark))


def _scene(pool: genecis.Pool, place: int, kind: str, seed: int, image_size: int) -> Image.Image:
    return render(pool.scenes[place], image_size, draws(seed, "genecis", kind, place, "picture"))


def _paint(canvas: genecis.Canvas, pool: genecis.Pool, seed: int, image_size: int) -> Image.Image:
    """The scenes of a canvas on some grey."""
    grey = draws(seed, "genecis", canvas.name, "grey").randint(60, 200)
    image = Image.new("RGB", (canvas.side, canvas.side), (grey, grey, grey))
    for place, corner in canvas.scenes.items():
        image.paste(_scene(pool, place, "crop", seed, image_size), corner)
    return image
