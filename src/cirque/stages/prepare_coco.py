"""Draw Pic2Word's object composition from COCO's instances: masked pictures and coco_eval.csv."""

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.data import annotations as records
from cirque.data.images import MAX_PIXELS, BadImage, decode
from cirque.datasets import coco_composition
from cirque.datasets.coco import DOCS, HEADER
from cirque.datasets.coco_composition import Instance, Region
from cirque.errors import CirqueError
from cirque.mini.folders import write_folder
from cirque.progress import progress, say
from cirque.store import files


@dataclass(frozen=True)
class Picture:
    """One picture of the annotation file that has annotations."""

    number: int
    height: int
    width: int
    instances: list[Instance]

    @property
    def file_name(self) -> str:
        """`000000271520.jpg`."""
        return f"{self.number:012d}.jpg"


def main(*, annotations: Path, images: Path, seed: int, masked: Path, output: Path) -> None:
    """Draw one region of each picture; write what is left of the picture and the row that tells it.

    Args:
        annotations: instances_val2017.json.
        images: folder of its pictures.
        seed: of the draw of regions, one draw for each picture.
        masked: folder of the masked pictures, replaced as a whole.
        output: coco_eval.csv in Pic2Word's format, sorted by file name.
    """
    pictures = read_pictures(annotations)
    drawn = {picture.number: _draw(seed, picture) for picture in pictures}
    asking = [(picture, region) for picture in pictures if (region := drawn[picture.number]) is not None]
    if not asking:
        raise CirqueError(f"{annotations}: no picture has an instance smaller than half of it; see {DOCS}")
    asking.sort(key=lambda pair: pair[0].number)
    write_folder(masked, _masked(annotations, images, asking))
    files.write_text(output, _rows(asking))
    say(f"COCO: {len(asking):,} of {len(pictures):,} annotated pictures have a region to draw")


def _draw(seed: int, picture: Picture) -> Region | None:
    return coco_composition.draw_region(seed, picture.number, picture.instances, picture.height, picture.width)


# ---- the annotation file -------------------------------------------------------------------------------------------


def read_pictures(source: Path) -> list[Picture]:
    """The annotated pictures of an instances file, with their annotations in the order of the file.

    Raises:
        CirqueError: a record that the official file would not contain, with its place.
    """
    content = files.read_json(source)
    lists = {name: records.field(str(source), content, name, list, DOCS) for name in ("images", "annotations")}
    names = _category_names(source, content)
    sizes: dict[int, tuple[int, int]] = {}
    for number, entry in enumerate(lists["images"], start=1):
        image_id, size = _image(f"{source}: image {number}", entry)
        if image_id in sizes:
            raise CirqueError(f"{source}: image {image_id} occurs twice; get the official file again ({DOCS})")
        sizes[image_id] = size
    instances: dict[int, list[Instance]] = defaultdict(list)
    for number, entry in enumerate(lists["annotations"], start=1):
        where = f"{source}: annotation {number}"
        image_id = records.field(where, entry, "image_id", int, DOCS)
        if image_id not in sizes:
            raise CirqueError(f"{where}: its image {image_id} is not in the file; get the official file again ({DOCS})")
        instances[image_id].append(_instance(where, entry, names))
    return [Picture(image_id, *sizes[image_id], found) for image_id, found in instances.items()]


def _category_names(source: Path, content: object) -> dict[int, str]:
    names = {}
    for number, entry in enumerate(records.field(str(source), content, "categories", list, DOCS), start=1):
        where = f"{source}: category {number}"
        name = records.field(where, entry, "name", str, DOCS)
        if not name.strip() or ";" in name:
            raise CirqueError(f"{where}: {name!r} is no name; it must have letters, and `;` stands between names")
        names[records.field(where, entry, "id", int, DOCS)] = name
    return names


def _image(where: str, entry: object) -> tuple[int, tuple[int, int]]:
    """Number, and height and width in pixels."""
    image_id, height, width = (records.field(where, entry, key, int, DOCS) for key in ("id", "height", "width"))
    file_name = records.field(where, entry, "file_name", str, DOCS)
    if image_id < 0 or file_name != f"{image_id:012d}.jpg":  # its twelve digits name the query and both pictures
        raise CirqueError(f"{where}: file_name of image {image_id} is {file_name!r:.80}, not {image_id:012d}.jpg")
    if min(height, width) < 1 or height * width > MAX_PIXELS // coco_composition.FINE**2:
        raise CirqueError(f"{where}: {width} x {height} pixels are no size of a picture of COCO")
    return image_id, (height, width)


def _instance(where: str, entry: Any, names: dict[int, str]) -> Instance:
    category = records.field(where, entry, "category_id", int, DOCS)
    if category not in names:
        raise CirqueError(f"{where}: no category has the id {category}; get the official file again ({DOCS})")
    box = records.field(where, entry, "bbox", list, DOCS)
    if len(box) != 4 or not all(type(number) in (int, float) and math.isfinite(number) for number in box):
        raise CirqueError(f"{where}: bbox must be four numbers x, y, width, height, found {box!r:.80}")
    if "segmentation" not in entry:
        raise CirqueError(f"{where}: lacks the key 'segmentation'; get the official file again ({DOCS})")
    x, y, width, height = (float(number) for number in box)
    return Instance((x, y, width, height), names[category], entry["segmentation"])


# ---- what is written -----------------------------------------------------------------------------------------------


def _masked(source: Path, images: Path, asking: list[tuple[Picture, Region]]) -> Iterator[tuple[str, bytes]]:
    """File name and bytes of each masked picture."""
    for picture, region in progress(asking, what="mask pictures of COCO", unit="picture"):
        try:
            mask = coco_composition.mask_of(region.instance.segmentation, picture.height, picture.width)
        except CirqueError as error:
            raise CirqueError(f"{source}: image {picture.number}, {region.instance.label}: {error}") from error
        path = images / picture.file_name
        try:
            left = coco_composition.whiten(decode(path.read_bytes()), mask)
        except FileNotFoundError as error:
            raise CirqueError(f"{path}: no such file, though {source.name} lists it; see {DOCS}") from error
        except OSError as error:
            raise CirqueError(f"{path}: cannot be read ({error.strerror or error})") from error
        except (BadImage, CirqueError) as error:
            raise CirqueError(f"{path}: {error}; get the file again ({DOCS})") from error
        yield picture.file_name, coco_composition.jpeg(left)


def _rows(asking: list[tuple[Picture, Region]]) -> str:
    """The content of `coco_eval.csv`; a space ends each region, as in Pic2Word's file."""
    text = io.StringIO()
    writer: Any = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for picture, region in asking:
        corners = ";".join(repr(number) for number in region.corners())
        writer.writerow([picture.file_name, f"{corners} ", region.instance.label, ";".join(region.others)])
    return text.getvalue()
