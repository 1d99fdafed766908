"""FashionIQ: composed queries over product photographs of dresses, shirts and tops (spec: docs/data.md#fashioniq).

Reads the official files of three categories, each with queries and a gallery of its own: the category is the group of
both. A query has two captions by two people, verbatim: papers differ in how they strip and join them, which methods
do. Targets of test are not public.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cirque.data import annotations, folders
from cirque.datasets import TrainingSet, Triplet, WordedTriplet
from cirque.errors import CirqueError
from cirque.store import files

TITLE = "FashionIQ"
SPLITS = ("train", "val", "test")
CATEGORIES = ("dress", "shirt", "toptee")

#: Who is in a category's gallery: all of its split file (Pic2Word, SEARLE, LinCIR), or only the references and targets
#: of its queries, as in VAL and CoSMo, which is easier: numbers of the two do not compare.
PROTOCOLS = ("split", "val")

#: Two people say each what is to change.
N_CAPTIONS = 2

#: Copies of the images differ in their ending; the first is that of the CLIP-based code.
ENDINGS = (".jpg", ".png", ".jpeg")

ASIN = re.compile(r"[0-9A-Z]{10}")

DOCS = "docs/data.md#fashioniq"


def annotation_files(split: str) -> dict[str, str]:
    """Official files of a split, relative to the data root: captions and split file of each category."""
    _require_split(split)
    captions = {f"captions_{name}": f"FashionIQ/captions/cap.{name}.{split}.json" for name in CATEGORIES}
    splits = {f"split_{name}": f"FashionIQ/image_splits/split.{name}.{split}.json" for name in CATEGORIES}
    return captions | splits


def image_folders(split: str) -> tuple[str, ...]:
    """Folder of the images, relative to the data root; all splits and categories share it."""
    _require_split(split)
    return ("FashionIQ/images",)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there are {', '.join(SPLITS)}")


def _require_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise CirqueError(f"{TITLE}: no gallery protocol is called {protocol!r}; there are {', '.join(PROTOCOLS)}")


# ---- images and galleries ------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(ASIN, path) of every image of a split, category after category; one of two categories comes once.

    An image that is not there gets the path that it should have.

    Raises:
        CirqueError: a split file is not a list of ASINs, or names one twice.
    """
    (folder,) = image_folders(split)
    present = folders.names_of(data_root / folder)
    names = dict.fromkeys(name for category in CATEGORIES for name in _split_names(data_root, split, category))
    return [(name, f"{folder}/{_file_name(name, present)}") for name in names]


def _file_name(name: str, present: Mapping[str, str]) -> str:
    """The file of an ASIN among those that are there, whatever the case of its ending; the usual one if it is not."""
    wanted = [(name + ending).lower() for ending in ENDINGS]
    return next((present[file] for file in wanted if file in present), name + ENDINGS[0])


def gallery(data_root: Path, split: str, protocol: str = "split") -> list[tuple[str, str]]:
    """(ASIN, category) of every candidate, category after category in the order of the split files.

    Args:
        data_root: folder that holds `FashionIQ/`.
        split: train, val or test.
        protocol: of PROTOCOLS.

    Raises:
        CirqueError: an official file is wrong, or the protocol is none, or needs targets that are not public.
    """
    _require_protocol(protocol)
    listed = [(name, category) for category in CATEGORIES for name in _split_names(data_root, split, category)]
    if protocol == "split":
        return listed
    if split == "test":
        raise CirqueError(f"{TITLE} test: its targets are not public, so the gallery must be that of protocol 'split'")
    asked = queries(data_root, split)
    used = {(name, query["group"]) for query in asked for name in (query["reference_id"], *query["target_ids"])}
    return [candidate for candidate in listed if candidate in used]


def _split_names(data_root: Path, split: str, category: str) -> list[str]:
    """The ASINs of one category's split file."""
    source = data_root / annotation_files(split)[f"split_{category}"]
    names = files.read_json(source)
    if not isinstance(names, list) or not names:
        raise CirqueError(f"{source}: expected a list with at least one ASIN; get the official file again ({DOCS})")
    for number, name in enumerate(names, start=1):
        # It becomes a file name, so that no other letter may be in it.
        if not isinstance(name, str) or not ASIN.fullmatch(name):
            raise CirqueError(
                f"{source}: entry {number}: {name!r:.80} is no ASIN of ten capital letters and digits;"
                f" get the official file again ({DOCS})"
            )
    annotations.require_unique(f"{source}: ASIN", names, DOCS)
    return names


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path,
    split: str,
    answers: Path | None = None,
    full_captions: Path | None = None,
    protocol: str = PROTOCOLS[0],
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES, category after category in the order of the captions files.

    Args:
        data_root: folder that holds `FashionIQ/`.
        split: train, val or test.
        answers: {query id: target} of test, for whom its targets are known.
        full_captions: {query id: caption of the whole target}, where the data are generated.
        protocol: of the gallery; the queries are the same in each.

    Raises:
        CirqueError: a record that the official files would not contain, with its file and place.
    """
    _require_protocol(protocol)
    if answers is not None and split != "test":
        raise CirqueError(f"{answers}: {TITLE} {split} tells its own targets; give answers for test only")
    rows = [row for category in CATEGORIES for row in _category_queries(data_root, split, category)]
    query_ids = [row["query_id"] for row in rows]
    if answers is not None:
        targets = annotations.by_key(answers, query_ids, str, "queries", what="query id")
        names = {category: set(_split_names(data_root, split, category)) for category in CATEGORIES}
        for row in rows:
            where, target = f"{answers}: query {row['query_id']}", targets[row["query_id"]]
            row["target_ids"] = [_target(where, target, row["reference_id"], names[row["group"]])]
    if full_captions is not None:
        captions = annotations.by_key(full_captions, query_ids, str, "queries", what="query id")
        for row in rows:
            row["full_caption"] = captions[row["query_id"]]
    return rows


def _category_queries(data_root: Path, split: str, category: str) -> list[dict[str, Any]]:
    """Rows of one captions file."""
    source = data_root / annotation_files(split)[f"captions_{category}"]
    names = set(_split_names(data_root, split, category))
    entries = files.read_json(source)
    if not isinstance(entries, list) or not entries:
        raise CirqueError(f"{source}: expected a list with at least one record; get the official file again ({DOCS})")
    rows = []
    for index, entry in enumerate(entries):
        where = f"{source}: record {index + 1}"
        reference = annotations.field(where, entry, "candidate", str, DOCS)
        _require_in_split(where, "candidate", reference, names)
        target_ids = []
        if split != "test":
            target = annotations.field(where, entry, "target", str, DOCS)
            target_ids.append(_target(where, target, reference, names))
        rows.append(
            {
                "query_id": f"{category}-{index}",
                "reference_id": reference,
                "captions": _captions(where, entry),
                "target_ids": target_ids,
                "candidate_ids": None,
                "subset_ids": None,
                "group": category,
                "tags": [],
                "full_caption": None,
            }
        )
    return rows


def _captions(where: str, entry: object) -> list[str]:
    """Both captions, as they stand."""
    captions = annotations.field(where, entry, "captions", list, DOCS)
    if len(captions) != N_CAPTIONS:
        raise CirqueError(
            f"{where}: captions must be {N_CAPTIONS} strings, found {len(captions)};"
            f" get the official file again ({DOCS})"
        )
    named = {f"caption {number}": caption for number, caption in enumerate(captions, start=1)}
    return [annotations.field(where, named, key, str, DOCS) for key in named]


def _target(where: str, target: str, reference: str, names: Collection[str]) -> str:
    """The target, which is another image of the category's split file."""
    _require_in_split(where, "target", target, names)
    if target == reference:
        raise CirqueError(f"{where}: its target {target} is its candidate too; get the official file again ({DOCS})")
    return target


def _require_in_split(where: str, role: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise CirqueError(
            f"{where}: its {role} {name!r} is not in the category's split file; captions and split file are not of one"
            f" release, get both again ({DOCS})"
        )


# ---- training ------------------------------------------------------------------------------------------------------


def triplets(data_root: Path, split: str) -> list[WordedTriplet]:
    """Candidate, both captions and target of every record of all categories, category after category.

    Raises:
        CirqueError: an official file is wrong, or the split hides its targets.
    """
    if split == "test":
        raise CirqueError(f"{TITLE} {split}: its targets are not public, so that nothing can be learned from it")
    return [
        WordedTriplet(row["reference_id"], row["captions"], target)
        for row in queries(data_root, split)
        for target in row["target_ids"]
    ]


def training(data_root: Path, split: str) -> TrainingSet:
    """Triplets of all categories; each is drawn equally often.

    The text is `c1 and c2`, as composers read queries too. Signs at the ends of captions stay: a vocabulary takes all
    punctuation out.

    Raises:
        CirqueError: as of `triplets`.
    """
    listed = [
        Triplet(one.reference_id, " and ".join(one.captions), one.target_id) for one in triplets(data_root, split)
    ]
    return TrainingSet.of_triplets([name for name, _ in images(data_root, split)], listed)
