"""CIRR (rc2): composed queries over real photographs, six of which make an image set (spec: docs/data.md#cirr).

Reads the official files of the branch `cirr_dataset` and refuses what they never contain. Ranks in `img_set` are not
indices into `members` and are left alone; only `target_hard` is a ground truth. Captions are kept to the letter, also
the blank one of test1.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from cirque.data import annotations
from cirque.datasets import TrainingSet, Triplet, WordedTriplet
from cirque.errors import CirqueError, listed
from cirque.store import files

TITLE = "CIRR"
SPLITS = ("train", "val", "test1")

DOCS = "docs/data.md#cirr"

#: Images of a set, the reference among them; R_subset ranks the five others.
N_MEMBERS = 6


def annotation_files(split: str) -> dict[str, str]:
    """Official files of a split, relative to the data root."""
    _require_split(split)
    return {
        "captions": f"CIRR/cirr/captions/cap.rc2.{split}.json",
        "split": f"CIRR/cirr/image_splits/split.rc2.{split}.json",
    }


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of a split's images, relative to the data root: the images of val lie in `dev`."""
    _require_split(split)
    return (f"CIRR/{'dev' if split == 'val' else split}",)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)}")


# ---- images --------------------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image name, path) of every image of a split, in the order of its split file: the gallery.

    Raises:
        CirqueError: the split file is not a dictionary of name → relative path, or names an image twice.
    """
    source = data_root / annotation_files(split)["split"]
    content = files.read_json(source)
    if not isinstance(content, dict) or not content:
        raise CirqueError(f"{source}: expected a dictionary of image name to path with at least one entry")
    found = [(name, _image_path(source, name, path)) for name, path in content.items()]
    if len({path for _, path in found}) < len(found):
        raise CirqueError(f"{source}: two names share one path; get the official file again ({DOCS})")
    return found


def _image_path(source: Path, name: str, path: object) -> str:
    """`./dev/dev-244-0-img0.png` → `CIRR/dev/dev-244-0-img0.png`."""
    if not isinstance(path, str) or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise CirqueError(f"{source}: image {name}: {path!r} is not a path below the folder of CIRR's images")
    return str(PurePosixPath("CIRR") / path)


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES in the order of the captions file.

    Args:
        data_root: folder that holds `CIRR/`.
        split: train, val or test1.
        answers: {pair id: target name}, for a hidden split whose answers are known (the generated one).
        full_captions: {image name: caption of the whole image}, where the data are generated.

    Raises:
        CirqueError: a record that the official files would not contain, with its file and pair.
    """
    source, records = _records(data_root, split)
    gallery = {name for name, _ in images(data_root, split)}
    rows = [_query(source, index, record, gallery, hidden=split == "test1") for index, record in enumerate(records)]
    annotations.require_unique(f"{source}: pair", [row["query_id"] for row in rows], DOCS)
    if answers is not None:
        _add_answers(answers, rows)
    if full_captions is not None:
        _add_full_captions(full_captions, rows)
    return rows


def _records(data_root: Path, split: str) -> tuple[Path, list[Any]]:
    """The captions file of a split and its records."""
    source = data_root / annotation_files(split)["captions"]
    records = files.read_json(source)
    if not isinstance(records, list) or not records:
        raise CirqueError(f"{source}: expected a list with at least one record")
    return source, records


def _query(source: Path, index: int, record: object, gallery: set[str], *, hidden: bool) -> dict[str, Any]:
    """One record of the captions file as a row."""
    where = f"{source}: record {index + 1}"
    pair = _field(where, record, "pairid", int)
    where = f"{source}: pair {pair}"
    reference = _field(where, record, "reference", str)
    caption = _field(where, record, "caption", str)
    members = _field(where, _field(where, record, "img_set", dict), "members", list)
    _require_in_split(where, "reference", reference, gallery)
    if len(members) != N_MEMBERS or len({str(member) for member in members}) != N_MEMBERS:
        raise CirqueError(f"{where}: img_set must have {N_MEMBERS} different members; it has {listed(members, 9)}")
    for member in members:
        _require_in_split(where, "member", member, gallery)
    if reference not in members:
        raise CirqueError(f"{where}: its reference {reference} is not among the members of its img_set")
    subset = [member for member in members if member != reference]
    row = {
        "query_id": str(pair),
        "reference_id": reference,
        "captions": [caption],
        "target_ids": [],
        "candidate_ids": None,
        "subset_ids": subset,
        "group": "",
        "tags": [],
        "full_caption": None,
    }
    if not hidden:
        row["target_ids"] = [_target(where, _field(where, record, "target_hard", str), subset)]
    return row


def _field(where: str, record: object, key: str, kind: type) -> Any:
    """A value of a record of CIRR."""
    return annotations.field(where, record, key, kind, DOCS)


def _require_in_split(where: str, role: str, name: object, gallery: set[str]) -> None:
    if not isinstance(name, str) or name not in gallery:
        raise CirqueError(
            f"{where}: its {role} {name} is not in the split; captions and split file are not of one release"
        )


def _target(where: str, target: str, subset: list[str]) -> str:
    """The target, which is one of the five other members of the image set (and so in the split)."""
    if target not in subset:
        raise CirqueError(f"{where}: its target {target} is not among the other members of its img_set")
    return target


# ---- training ------------------------------------------------------------------------------------------------------


def triplets(data_root: Path, split: str) -> list[WordedTriplet]:
    """Reference, caption and hard target of every record; image sets are not looked at.

    Raises:
        CirqueError: a record lacks one of them, or one is not in the split; or the split hides its targets.
    """
    if split == "test1":
        raise CirqueError(f"{TITLE} {split}: its targets are hidden, so that nothing can be learned from it")
    source, records = _records(data_root, split)
    names = {name for name, _ in images(data_root, split)}
    return [_triplet(f"{source}: record {number}", record, names) for number, record in enumerate(records, start=1)]


def _triplet(where: str, record: object, names: set[str]) -> WordedTriplet:
    """What one record teaches."""
    reference, target = (_field(where, record, key, str) for key in ("reference", "target_hard"))
    _require_in_split(where, "reference", reference, names)
    _require_in_split(where, "target", target, names)
    return WordedTriplet(reference, [_field(where, record, "caption", str)], target)


def training(data_root: Path, split: str) -> TrainingSet:
    """Triplets of a split, each drawn equally often.

    Raises:
        CirqueError: as of `triplets`.
    """
    listed = [Triplet(one.reference_id, one.captions[0], one.target_id) for one in triplets(data_root, split)]
    return TrainingSet.of_triplets([name for name, _ in images(data_root, split)], listed)


# ---- generated side files ------------------------------------------------------------------------------------------


def _add_answers(source: Path, rows: list[dict[str, Any]]) -> None:
    """Fill `target_ids` from a file of answers."""
    stated = annotations.by_key(source, [row["query_id"] for row in rows], str, "pairs", what="pair id")
    for row in rows:
        row["target_ids"] = [_target(f"{source}: pair {row['query_id']}", stated[row["query_id"]], row["subset_ids"])]


def _add_full_captions(source: Path, rows: list[dict[str, Any]]) -> None:
    """Fill `full_caption` with the target's own, from a file of captions by image."""
    stated = annotations.by_key(source, [], str, "images", what="image name", others=True)
    for row in rows:
        for target in row["target_ids"][:1]:
            if target not in stated:
                raise CirqueError(f"{source}: has no caption of {target}, the target of pair {row['query_id']}")
            row["full_caption"] = stated[target]
