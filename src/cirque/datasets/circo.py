"""CIRCO: composed queries over the 123,403 unlabeled images of COCO 2017, each with several ground truths.

Reads the official annotation files (spec: docs/data.md#circo). Image ids are COCO's numbers as strings; the gallery and
its order are the list `images` of the info file. Both splits, and the image set `unlabeled`, share that gallery. The
shared concept is not part of a query: SEARLE and LinCIR do not give it to the model.
"""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path, PurePosixPath
from typing import Any

from cirque.data import annotations
from cirque.errors import CirqueError, listed
from cirque.store import files

TITLE = "CIRCO"
SPLITS = ("val", "test")

#: The image set that both splits share.
IMAGES = "unlabeled"

#: What a query may be about, in the order of the official evaluation.
ASPECTS = (
    "cardinality",
    "addition",
    "negation",
    "direct_addressing",
    "compare_change",
    "comparative_statement",
    "statement_with_conjunction",
    "spatial_relations_background",
    "viewpoint",
)

DOCS = "docs/data.md#circo"


def annotation_files(split: str) -> dict[str, str]:
    """Official files of a split, relative to the data root; the image set has no captions."""
    info = {"split": "CIRCO/COCO2017_unlabeled/annotations/image_info_unlabeled2017.json"}
    if split == IMAGES:
        return info
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)} and {IMAGES}")
    return {"captions": f"CIRCO/annotations/{split}.json"} | info


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images, relative to the data root."""
    annotation_files(split)  # refuses a split that is none
    return ("CIRCO/COCO2017_unlabeled/unlabeled2017",)


# ---- images --------------------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, path) of every image, in the order of the info file: the gallery.

    Raises:
        CirqueError: the info file has no list `images` of numbers and file names, or an image twice.
    """
    source = data_root / annotation_files(split)["split"]
    content = files.read_json(source)
    listing = content.get("images") if isinstance(content, dict) else None
    if not isinstance(listing, list) or not listing:
        raise CirqueError(f"{source}: expected a dictionary with a list `images` of at least one image; see {DOCS}")
    folder = PurePosixPath(*image_folders(split))
    found = []
    for number, entry in enumerate(listing, start=1):
        where = f"{source}: image {number}"
        name = annotations.field(where, entry, "file_name", str, DOCS)
        if PurePosixPath(name).name != name or name in ("", ".", ".."):
            raise CirqueError(f"{where}: {name!r} is no plain file name")
        found.append((str(annotations.field(where, entry, "id", int, DOCS)), str(folder / name)))
    annotations.require_unique(f"{source}: image", [image_id for image_id, _ in found], DOCS)
    annotations.require_unique(f"{source}: file", [path for _, path in found], DOCS)
    return found


def stand_in_list(data_root: Path, n_images: int) -> dict[str, Any]:
    """An info file for rehearsals: every image that a query names, and the lowest other numbers, `n_images` in all.

    Args:
        data_root: folder that holds `CIRCO/annotations`, of both splits.
        n_images: of the gallery.

    Raises:
        CirqueError: a record lacks an image, or the queries name more images than that.
    """
    named = {number for split in SPLITS for number in _named(data_root / annotation_files(split)["captions"])}
    if len(named) > n_images:
        raise CirqueError(f"{TITLE}: its queries name {len(named):,} images, more than n_images, which is {n_images:,}")
    others = (number for number in count(1) if number not in named)
    numbers = sorted([*named, *islice(others, n_images - len(named))])
    return {"images": [{"id": number, "file_name": f"{number:012d}.jpg"} for number in numbers]}


def _named(source: Path) -> Iterator[int]:
    """Numbers of all images that the queries of a file name."""
    for index, entry in enumerate(files.read_json(source), start=1):
        yield annotations.field(f"{source}: record {index}", entry, "reference_img_id", int, DOCS)
        yield from entry.get("gt_img_ids", [])


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES in the order of the annotation file.

    Args:
        data_root: folder that holds `CIRCO/`.
        split: val or test.
        answers: {query id: record of the hidden keys}, for a hidden split whose answers are known (the generated one).
        full_captions: {query id: caption of what its ground truths show}, where the data are generated.

    Raises:
        CirqueError: a record that the official files would not contain, with its file and query.
    """
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: {split!r} has no queries; {' and '.join(SPLITS)} have")
    source = data_root / annotation_files(split)["captions"]
    gallery = {image_id for image_id, _ in images(data_root, split)}
    entries = files.read_json(source)
    if not isinstance(entries, list) or not entries:
        raise CirqueError(f"{source}: expected a list with at least one record")
    hidden: dict[str, Any] = {}
    if answers is not None:
        hidden = annotations.by_key(answers, [str(i) for i in range(len(entries))], dict, "queries", what="query id")
    rows = []
    for index, entry in enumerate(entries):
        row = _query(source, index, entry, gallery)
        truth, where = (entry, source) if split == "val" else (hidden.get(row["query_id"]), answers)
        if truth is not None:
            row |= _ground_truths(f"{where}: query {row['query_id']}", truth, row["reference_id"], gallery)
        rows.append(row)
    if full_captions is not None:
        keys = {row["query_id"]: f"{split}-{row['query_id']}" for row in rows}  # one file for both splits
        stated = annotations.by_key(
            full_captions, keys.values(), str, "queries", what="split and query id", others=True
        )
        for row in rows:
            row["full_caption"] = stated[keys[row["query_id"]]]
    return rows


def _query(source: Path, index: int, entry: object, gallery: set[str]) -> dict[str, Any]:
    """One record as a row, without its ground truths."""
    number = annotations.field(f"{source}: record {index + 1}", entry, "id", int, DOCS)
    where = f"{source}: query {number}"
    if number != index:
        raise CirqueError(f"{where}: stands at place {index} of the list; ids count from 0 without a gap ({DOCS})")
    reference = str(annotations.field(where, entry, "reference_img_id", int, DOCS))
    caption = annotations.field(where, entry, "relative_caption", str, DOCS)
    _require_in_gallery(where, "reference", reference, gallery)
    return {
        "query_id": str(number),
        "reference_id": reference,
        "captions": [caption],
        "target_ids": [],
        "candidate_ids": None,
        "subset_ids": None,
        "group": "",
        "tags": [],
        "full_caption": None,
    }


def _ground_truths(where: str, entry: object, reference: str, gallery: set[str]) -> dict[str, Any]:
    """Every ground truth, the single target first, and the aspects of the query."""
    target = str(annotations.field(where, entry, "target_img_id", int, DOCS))
    truths = [str(number) for number in annotations.field(where, entry, "gt_img_ids", list, DOCS)]
    tags = annotations.field(where, entry, "semantic_aspects", list, DOCS)
    if not truths or truths[0] != target or len(set(truths)) != len(truths):
        raise CirqueError(f"{where}: gt_img_ids must begin with the target {target} and name none twice")
    if reference in truths:
        raise CirqueError(f"{where}: its reference {reference} is among its ground truths")
    for name in truths:
        _require_in_gallery(where, "ground truth", name, gallery)
    unknown = [str(tag) for tag in tags if tag not in ASPECTS]
    if unknown:
        raise CirqueError(f"{where}: no semantic aspect is called {listed(unknown)}; there are {', '.join(ASPECTS)}")
    return {"target_ids": truths, "tags": list(tags)}


def _require_in_gallery(where: str, role: str, image_id: str, gallery: set[str]) -> None:
    if image_id not in gallery:
        raise CirqueError(f"{where}: its {role} {image_id} is not among the images of COCO 2017 unlabeled ({DOCS})")
