"""COCO object composition: find the photograph that holds the object shown and all the objects named.

Reads `coco_eval.csv` in Pic2Word's format, which `cirque prepare_coco` draws from COCO's val2017 since the authors'
own draw was never released (spec: docs/data.md#coco). A row is one photograph: the query is a region of it, masked, and
the names of what else is in it; its ground truth is the whole photograph.
"""

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from cirque.data import annotations
from cirque.data.images import BadImage, decode
from cirque.errors import CirqueError
from cirque.store import provenance
from cirque.store.files import read_json

TITLE = "COCO"

#: What stages.prepare_coco makes, and what it makes it from.
PREPARED = ("coco/coco_eval.csv", "coco/val2017_masked")
GIVEN = ("coco/annotations/instances_val2017.json",)
SPLITS = ("val2017",)

HEADER = ["id", "query_regions", "query_class", "classes"]

#: `000000271520.jpg`. It becomes a file name, so that nothing else may be in it.
FILE_NAME = re.compile(r"([0-9]{12})\.jpg")

#: The picture of a region, in pixels: as the vision tower takes it, so that its own resizing finds nothing to do.
REGION_SIZE = 224

#: COCO's boxes reach the picture's border; so much further, in pixels, may they reach by rounding.
TOLERANCE = 1

DOCS = "docs/data.md#coco"


@dataclass(frozen=True)
class Row:
    """One row: a photograph by its twelve digits, a box in it, the class of what the box holds, and other classes."""

    name: str
    region_id: str
    query_class: str
    others: list[str]


def annotation_files(split: str) -> dict[str, str]:
    """The one file, relative to the data root: it lists images and queries."""
    _require_split(split)
    return {"split": "coco/coco_eval.csv"}


def image_folders(split: str) -> tuple[str, ...]:
    """Folders of the images, relative to the data root: whole photographs, and those of which a region is left."""
    _require_split(split)
    return ("coco/val2017", "coco/val2017_masked")


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there is {', '.join(SPLITS)}")


def files_of_images(data_root: Path, split: str) -> dict[str, tuple[int, int]]:
    """Path of each photograph that the masked ones are made of, with width and height as the instances file says."""
    _require_split(split)
    source = data_root / GIVEN[0]
    found = {}
    for number, entry in enumerate(annotations.field(str(source), read_json(source), "images", list, DOCS), start=1):
        where = f"{source}: image {number}"
        name = annotations.field(where, entry, "file_name", str, DOCS)
        if not FILE_NAME.fullmatch(name):
            raise CirqueError(f"{where}: {name!r:.80} is no name of a photograph; get the official file again ({DOCS})")
        size = (annotations.field(where, entry, key, int, DOCS) for key in ("width", "height"))
        found[f"{image_folders(split)[0]}/{name}"] = (next(size), next(size))
    return found


# ---- rows ----------------------------------------------------------------------------------------------------------


def _rows(data_root: Path, split: str) -> list[Row]:
    """The rows of `coco_eval.csv`, each of another photograph."""
    source = data_root / annotation_files(split)["split"]
    provenance.read(source)
    try:
        text = io.StringIO(source.read_text(encoding="utf-8-sig"), newline="")
        lines = [line for line in csv.reader(text, strict=True) if line]
    except FileNotFoundError as error:
        raise CirqueError(f"{source}: no such file; `cirque prepare_coco` writes it, see {DOCS}") from error
    except OSError as error:
        raise CirqueError(f"{source}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{source}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except csv.Error as error:
        raise CirqueError(f"{source}: broken CSV ({error}); make the file again, see {DOCS}") from error
    if not lines or lines[0] != HEADER or len(lines) == 1:
        raise CirqueError(f"{source}: expected the header {','.join(HEADER)} and at least one row; see {DOCS}")
    rows = [_row(f"{source}: row {number}", line) for number, line in enumerate(lines[1:], start=1)]
    annotations.require_unique(f"{source}: image", [row.name for row in rows], DOCS)
    return rows


def _row(where: str, line: list[str]) -> Row:
    if len(line) != len(HEADER):
        raise CirqueError(f"{where}: expected {len(HEADER)} values, found {len(line)}; make the file again, see {DOCS}")
    file_name, regions, query_class, classes = line
    name = FILE_NAME.fullmatch(file_name)
    if name is None:
        raise CirqueError(f"{where}: {file_name!r:.80} is no file name of twelve digits and .jpg")
    others = classes.split(";") if classes else []
    if any(not named.strip() for named in [query_class, *others]):
        raise CirqueError(f"{where} ({file_name}): a class has no name; make the file again, see {DOCS}")
    box = _box(f"{where} ({file_name})", regions)
    return Row(name[1], region_id(name[1], box), query_class, others)


def _box(where: str, regions: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom, in pixels, of `x1;y1;x2;y2 `."""
    try:
        left, top, right, bottom = (float(number) for number in regions.strip().split(";"))
    except ValueError as error:
        raise CirqueError(f"{where}: expected one region x1;y1;x2;y2, found {regions!r:.80}") from error
    if not all(math.isfinite(number) for number in (left, top, right, bottom)):
        raise CirqueError(f"{where}: the region {regions!r:.80} is not finite")
    return left, top, right, bottom


# ---- images --------------------------------------------------------------------------------------------------------


def region_id(name: str, box: tuple[float, float, float, float]) -> str:
    """`000000271520@12.5,0,100,80.25`: the image id of a region, each number as short as it stays the same."""
    return f"{name}@{','.join(repr(float(number)).removesuffix('.0') for number in box)}"


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, path) of every photograph and then of every region, in the order of the rows.

    A region's path is that of its masked photograph; `derive` cuts the region out of it.

    Raises:
        CirqueError: the file is not one that `cirque prepare_coco` writes, with the number of the row.
    """
    rows = _rows(data_root, split)
    whole, masked = image_folders(split)
    return [(row.name, f"{whole}/{row.name}.jpg") for row in rows] + [
        (row.region_id, f"{masked}/{row.name}.jpg") for row in rows
    ]


def gallery(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, "") of every photograph, in the order of the rows."""
    return [(row.name, "") for row in _rows(data_root, split)]


def derive(image_id: str, data: bytes) -> bytes:
    """The picture of an image id: a photograph's file as it is, a region cut out of its masked photograph.

    As in Pic2Word's evaluation (§4.2) the corners are cut to whole pixels, and the region is resized to a square by
    PIL's bicubic filter whatever its shape, then turned into RGB.

    Args:
        image_id: of `images`.
        data: the file at its path.

    Returns:
        The bytes given, or a PNG of 224 × 224 pixels.

    Raises:
        BadImage: the file cannot be decoded, or the region holds no pixel or leaves the picture.
    """
    _, is_region, numbers = image_id.partition("@")
    if not is_region:
        return data
    picture = decode(data)
    left, top, right, bottom = (int(float(number)) for number in numbers.split(","))
    if right <= left or bottom <= top:
        raise BadImage(f"the region {numbers} holds no whole pixel")
    if min(left, top) < 0 or right > picture.width + TOLERANCE or bottom > picture.height + TOLERANCE:
        raise BadImage(f"the region {numbers} leaves the picture of {picture.width} x {picture.height} pixels")
    region = picture.crop((left, top, right, bottom))
    buffer = io.BytesIO()
    region.resize((REGION_SIZE, REGION_SIZE), Image.Resampling.BICUBIC).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES in the order of the file; a query is called like its photograph.

    The caption names the query's own class first, and ends in ` and ` where there is no other, as in the released code.

    Args:
        data_root: folder that holds `coco/`.
        split: val2017.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of its photograph}, where the data are generated.

    Raises:
        CirqueError: the file is not one that `cirque prepare_coco` writes, with the number of the row.
    """
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; give no answers")
    rows = _rows(data_root, split)
    stated: dict[str, str] = {}
    if full_captions is not None:
        stated = annotations.by_key(full_captions, [row.name for row in rows], str, "queries", what="query id")
    return [
        {
            "query_id": row.name,
            "reference_id": row.region_id,
            "captions": [" and ".join([row.query_class, *(row.others or [""])])],
            "target_ids": [row.name],
            "candidate_ids": None,
            "subset_ids": None,
            "group": "",
            "tags": [],
            "full_caption": stated.get(row.name),
        }
        for row in rows
    ]
