"""GeneCIS: four tasks of conditional similarity, each query with a gallery of its own (spec: docs/data.md#genecis).

Reads the official files (v0), one a task; the task is the group of its queries and candidates. The object tasks show
whole images of COCO 2017 val, the attribute tasks crops of Visual Genome: a crop is an image by itself, called after
its file and its box, and `derive` makes its pixels. The files' defects stay, as every published number has them in it:
distractors named twice, a target that is a distractor too, references among their own distractors.
"""

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from cirque.data import annotations
from cirque.data.images import MAX_PIXELS, BadImage, decode
from cirque.errors import CirqueError
from cirque.store import files

TITLE = "GeneCIS"
SPLITS = ("v0",)
TASKS = ("focus_attribute", "change_attribute", "focus_object", "change_object")

#: What a query of an object task says: its condition, or, as in LinCIR's released evaluator, the literal `0`. There the
#: position of the target took the condition's place, which most likely went into the published numbers (§6.4).
PROTOCOLS = ("intended", "released")
RELEASED_CONDITION = "0"

#: Pictures of each query besides the target.
N_DISTRACTORS = {"focus_attribute": 9, "change_attribute": 14, "focus_object": 14, "change_object": 14}

#: Whole images of the object tasks, and pictures that the attribute tasks crop.
WHOLE_FOLDER = "COCO2017/val2017"
CROPPED_FOLDER = "VG_100K_all"

#: A crop takes in so much of a box's width to its left, and of its height above it.
DILATION = 0.7

#: Beyond this a coordinate is none, in pixels.
LARGEST_COORDINATE = 1e9

#: Black in the modes that stay; PNG has no CMYK and black need not be in a palette, so that others become RGB first.
BLACK: dict[str, float | tuple[float, ...]] = {"L": 0, "LA": (0, 255), "RGB": (0, 0, 0), "RGBA": (0, 0, 0, 255)}

#: Sizes of pictures that are drawn in place of photographs differ by so many pixels: few differ.
STEP = 128

NAME = re.compile(r"[0-9]{1,12}")
CROP = re.compile(r"[0-9]{1,12}@([-+.e0-9]+),([-+.e0-9]+),([-+.e0-9]+),([-+.e0-9]+)")

DOCS = "docs/data.md#genecis"

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Item:
    """One record: image ids, and what is said."""

    reference: str
    target: str
    distractors: list[str]
    condition: str


def annotation_files(split: str) -> dict[str, str]:
    """Official files, relative to the data root; each lists both queries and images."""
    _require_split(split)
    return {f"split_{task}": f"genecis/{task}.json" for task in TASKS}


def image_folders(split: str) -> tuple[str, ...]:
    """Folders of the images, relative to the data root: those of the attribute tasks, those of the object tasks."""
    _require_split(split)
    return CROPPED_FOLDER, WHOLE_FOLDER


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there is {', '.join(SPLITS)}")


def _require_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise CirqueError(f"{TITLE}: no protocol is called {protocol!r}; there are {', '.join(PROTOCOLS)}")


# ---- images and galleries ------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, path) of every picture in order of first appearance: of each item reference, target, distractors.

    A whole image is called by the name of its file, a crop `2316576@72,101,56,69`: file, and x, y, width and height of
    its box in pixels. Many crops may share a path; `derive` tells them apart.

    Raises:
        CirqueError: a record that the official files would not contain, with its file and place.
    """
    listed = (
        name
        for task in TASKS
        for item in _items(data_root, split, task)
        for name in (item.reference, item.target, *item.distractors)
    )
    return [(name, _path(name)) for name in dict.fromkeys(listed)]


def _path(image_id: str) -> str:
    """Where the picture's file is, relative to the data root."""
    name, cropped, _ = image_id.partition("@")
    return f"{CROPPED_FOLDER if cropped else WHOLE_FOLDER}/{name}.jpg"


def files_of_images(data_root: Path, split: str) -> dict[str, tuple[int, int] | None]:
    """Path of each file, with a width and height that hold every box cut from it, in steps of STEP; None if none is.

    Raises:
        CirqueError: as of `images`.
    """
    found: dict[str, tuple[int, int] | None] = {}
    for image_id, path in images(data_root, split):
        if NAME.fullmatch(image_id):
            found.setdefault(path, None)
            continue
        x, y, width, height = _box(image_id)
        before = found.get(path) or (STEP, STEP)
        found[path] = max(before[0], _stepped(x + width)), max(before[1], _stepped(y + height))
    return found


def _stepped(value: float) -> int:
    return STEP * math.ceil(value / STEP)


def gallery(data_root: Path, split: str, protocol: str = "intended") -> list[tuple[str, str]]:
    """(image id, task) of every target and distractor, task after task, each in order of first appearance.

    Args:
        data_root: folder that holds `genecis/`.
        split: v0.
        protocol: of PROTOCOLS; candidates are the same in both.

    Raises:
        CirqueError: a record that the official files would not contain, or an unknown protocol.
    """
    _require_protocol(protocol)
    listed = (
        (name, task)
        for task in TASKS
        for item in _items(data_root, split, task)
        for name in (item.target, *item.distractors)
    )
    return list(dict.fromkeys(listed))


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path,
    split: str,
    answers: Path | None = None,
    full_captions: Path | None = None,
    protocol: str = "intended",
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES, task after task in the order of the official files.

    A query's candidates are its target and its distractors, those named twice twice.

    Args:
        data_root: folder that holds `genecis/`.
        split: v0.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of the whole target}, where the data are generated.
        protocol: of PROTOCOLS.

    Raises:
        CirqueError: a record that the official files would not contain, with its file and place, or answers, or an
            unknown protocol.
    """
    _require_protocol(protocol)
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; leave the answers out")
    rows = [
        _query(task, index, item, protocol)
        for task in TASKS
        for index, item in enumerate(_items(data_root, split, task))
    ]
    if full_captions is not None:
        query_ids = [row["query_id"] for row in rows]
        captions = annotations.by_key(full_captions, query_ids, str, "queries", what="query id")
        for row in rows:
            row["full_caption"] = captions[row["query_id"]]
    return rows


def _query(task: str, index: int, item: Item, protocol: str) -> dict[str, Any]:
    loses_condition = protocol == "released" and not _is_cropped(task)
    return {
        "query_id": f"{task}-{index}",
        "reference_id": item.reference,
        "captions": [RELEASED_CONDITION if loses_condition else item.condition],
        "target_ids": [item.target],
        "candidate_ids": [item.target, *item.distractors],
        "subset_ids": None,
        "group": task,
        "tags": [],
        "full_caption": None,
    }


# ---- records -------------------------------------------------------------------------------------------------------


def _is_cropped(task: str) -> bool:
    return task.endswith("_attribute")


def _items(data_root: Path, split: str, task: str) -> list[Item]:
    """The records of one official file."""
    source = data_root / annotation_files(split)[f"split_{task}"]
    entries = files.read_json(source)
    if not isinstance(entries, list) or not entries:
        raise CirqueError(f"{source}: expected a list with at least one record; get the official file again ({DOCS})")
    return [_item(f"{source}: record {number}", entry, task) for number, entry in enumerate(entries, start=1)]


def _item(where: str, entry: object, task: str) -> Item:
    condition = annotations.field(where, entry, "condition", str, DOCS)
    if not condition.strip():
        raise CirqueError(f"{where}: its condition is empty; get the official file again ({DOCS})")
    reference = _picture(f"{where}: reference", annotations.field(where, entry, "reference", dict, DOCS), task)
    target = _picture(f"{where}: target", annotations.field(where, entry, "target", dict, DOCS), task)
    if target == reference:
        raise CirqueError(f"{where}: its target {target} is its reference too; get the official file again ({DOCS})")
    others = annotations.field(where, entry, "gallery", list, DOCS)
    if len(others) != N_DISTRACTORS[task]:
        raise CirqueError(
            f"{where}: gallery must be {N_DISTRACTORS[task]} distractors, found {len(others)};"
            f" get the official file again ({DOCS})"
        )
    distractors = [
        _picture(f"{where}: distractor {number}", other, task) for number, other in enumerate(others, start=1)
    ]
    return Item(reference, target, distractors, condition)


def _picture(where: str, entry: object, task: str) -> str:
    """The image id of a picture's record."""
    return _crop(where, entry) if _is_cropped(task) else _whole(where, entry)


def _whole(where: str, entry: object) -> str:
    """`000000189213`, as COCO names its files."""
    number = annotations.field(where, entry, "val_image_id", int, DOCS)
    name = f"{number:012d}"
    if not NAME.fullmatch(name):
        raise CirqueError(f"{where}: val_image_id {number} is none of COCO's; get the official file again ({DOCS})")
    return name


def _crop(where: str, entry: object) -> str:
    """`2316576@72,101,56,69`: file and box, each number in its shortest form, so that 72.0 is 72."""
    name = annotations.field(where, entry, "image_id", str, DOCS)
    # It becomes a file name, so that nothing but digits may be in it.
    if not NAME.fullmatch(name):
        raise CirqueError(f"{where}: image_id {name!r:.80} is not 1 to 12 digits; get the official file again ({DOCS})")
    box = annotations.field(where, entry, "instance_bbox", list, DOCS)
    if len(box) != 4 or not all(_is_coordinate(value) for value in box):
        raise CirqueError(
            f"{where}: instance_bbox must be 4 finite numbers, found {box!r:.80}; get the official file again ({DOCS})"
        )
    if min(box[2:]) <= 0:
        raise CirqueError(
            f"{where}: instance_bbox {box!r:.80} must have a positive width and height;"
            f" get the official file again ({DOCS})"
        )
    return f"{name}@{','.join(map(_shortest, box))}"


def _is_coordinate(value: object) -> bool:
    """A finite number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST_COORDINATE


def _shortest(value: float) -> str:
    """The fewest signs that give the same number again."""
    return str(int(value)) if value == int(value) else repr(value)


# ---- pixels --------------------------------------------------------------------------------------------------------


def derive(image_id: str, data: bytes) -> bytes:
    """The file of a picture from the file that it lies in.

    A whole image stays as it is, to the byte. A crop is cut out as GeneCIS does, padded with black to a square and
    written as PNG: the same bytes whenever it is made with the same Pillow.

    Args:
        image_id: as `images` gives it.
        data: bytes of the image file at its path.

    Raises:
        BadImage: the file cannot be decoded, or there is nothing of the box in the picture.
        CirqueError: no image is called so.
    """
    if NAME.fullmatch(image_id):
        return data
    box = _box(image_id)
    picture = decode(data)
    crop = picture.crop(window(box, *picture.size))
    buffer = io.BytesIO()
    pad_to_square(crop if crop.mode in BLACK else _rgb(crop)).save(buffer, "PNG")
    return buffer.getvalue()


def _rgb(image: Image.Image) -> Image.Image:
    try:
        return image.convert("RGB")
    except (ValueError, OSError) as error:
        raise BadImage(f"mode {image.mode} has no way to RGB: {error}") from error


def _box(image_id: str) -> Box:
    """The box that stands in a crop's image id."""
    parts = CROP.fullmatch(image_id)
    try:
        x, y, width, height = map(float, parts.groups() if parts else ())
    except ValueError as error:
        raise CirqueError(f"{TITLE}: {image_id!r:.80} names neither a whole image nor a crop; see {DOCS}") from error
    return x, y, width, height


def window(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole pixels of what is cut out for a box (GeneCIS `datasets/vaw_dataset.py`).

    The extent of 1.7 times the box is counted from the corner that was moved already: a crop takes in what is left of
    the box and above it, and nothing at its right or below unless the picture's edge stopped it. Halves are rounded to
    even, as Pillow's crop does.

    Args:
        box: x, y, width and height in pixels.
        width: of the picture.
        height: of the picture.

    Raises:
        BadImage: the box has no extent, lies outside the picture, or gives no whole pixel.
    """
    left, right = _range(box[0], box[2], width, "width")
    top, bottom = _range(box[1], box[3], height, "height")
    if right <= left or bottom <= top:
        raise BadImage(f"the box {_told(box)} gives a crop of {right - left} x {bottom - top} pixels")
    return left, top, right, bottom


def _range(start: float, extent: float, limit: int, what: str) -> tuple[int, int]:
    """First pixel of a crop along one axis, and the one after its last."""
    if extent <= 0:
        raise BadImage(f"a box of {what} {_shortest(extent)}")
    if start >= limit or start + extent <= 0:
        end = _shortest(start + extent)
        raise BadImage(f"a box from {_shortest(start)} to {end} lies outside the picture, whose {what} is {limit}")
    first = max(0, start - DILATION * extent)
    return round(first), round(min(limit, first + (1 + DILATION) * extent))


def _told(box: Box) -> str:
    return ", ".join(map(_shortest, box))


def pad_to_square(image: Image.Image) -> Image.Image:
    """The image in the middle of a black square of its own mode; of an odd border the larger half comes last.

    Raises:
        BadImage: the square would be too large.
    """
    side = max(image.size)
    if side * side > MAX_PIXELS:
        raise BadImage(f"a crop of {image.width} x {image.height} pixels, made a square, exceeds {MAX_PIXELS:,} pixels")
    square = Image.new(image.mode, (side, side), BLACK[image.mode])
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
