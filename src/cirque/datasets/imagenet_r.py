"""ImageNet → ImageNet-R: find the cartoons, origami, toys and sculptures of what a photograph shows.

Reads the two lists of Pic2Word's repository (spec: docs/data.md#imagenet_r). A line is `path label `, a label is a
private number of the class + 1000 · the number of the domain. Every photograph asks once for each of four domains; all
pictures of its class in that domain are ground truths, for some there are none. The photographs themselves are among
the candidates, which all four domains share.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.data import annotations
from cirque.errors import CirqueError
from cirque.store import provenance

TITLE = "ImageNet-R"
SPLITS = ("val",)

#: What is asked for, by the domain's number in a label.
DOMAINS = {"cartoon": 0, "origami": 1, "toy": 2, "sculpture": 3}

#: Number of the domain of photographs; 4 and 5 are not used.
REAL = 6

#: A label holds class and domain: class + 1000 · domain.
PER_DOMAIN = 1000

FOLDER = "imgnet/"

#: Folder, WordNet id and file name of an image. It is opened below the data root, so that it cannot lead out of it.
PATH = re.compile(r"imgnet/(real|imagenet-r)/(n[0-9]{8})/(?!\.)[^\s/\\\0]+")

LABEL = re.compile(r"[0-9]{1,4}")

DOCS = "docs/data.md#imagenet_r"


@dataclass(frozen=True)
class Labelled:
    """One line of a list: an image, where it comes from, and class and domain by their numbers."""

    image_id: str
    is_photograph: bool
    wnid: str
    of_class: int
    domain: int


def annotation_files(split: str) -> dict[str, str]:
    """Official lists, relative to the data root: that of the candidates lists the images."""
    _require_split(split)
    return {"queries": f"{FOLDER}imgnet_real_query.txt", "split": f"{FOLDER}imgnet_targets.txt"}


def image_folders(split: str) -> tuple[str, ...]:
    """Folders of the images, relative to the data root: photographs of ImageNet-1K's val, and ImageNet-R."""
    _require_split(split)
    return (f"{FOLDER}real", f"{FOLDER}imagenet-r")


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise CirqueError(f"{TITLE}: no split is called {split!r}; there is {', '.join(SPLITS)}")


# ---- images and gallery --------------------------------------------------------------------------------------------


def images(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, path) of every candidate in the order of its list; the photographs that ask are among them.

    Raises:
        CirqueError: a line that the official list would not contain, with its file and number.
    """
    targets = _targets(data_root / annotation_files(split)["split"])
    return [(target.image_id, FOLDER + target.image_id) for target in targets]


def gallery(data_root: Path, split: str) -> list[tuple[str, str]]:
    """(image id, "") of every candidate: one gallery for the queries of all domains."""
    return [(image_id, "") for image_id, _ in images(data_root, split)]


def _targets(source: Path) -> list[Labelled]:
    """The candidates: of a domain that fits their folder, each class under one WordNet id and the other way round."""
    targets = _labelled(source)
    classes: dict[str, int] = {}
    wnids: dict[int, str] = {}
    for number, target in enumerate(targets, start=1):
        where = f"{source}: line {number}: {target.image_id}"
        if target.domain not in {REAL, *DOMAINS.values()} or (target.domain == REAL) != target.is_photograph:
            raise CirqueError(
                f"{where}: its label is of domain {target.domain}, which no image of that folder has;"
                f" get the official file again ({DOCS})"
            )
        known = (classes.setdefault(target.wnid, target.of_class), wnids.setdefault(target.of_class, target.wnid))
        if known != (target.of_class, target.wnid):
            raise CirqueError(
                f"{where}: above, the class of {target.wnid} is {known[0]} and the folder of class {target.of_class}"
                f" is {known[1]}; get the official file again ({DOCS})"
            )
    return targets


def _labelled(source: Path) -> list[Labelled]:
    """The lines of a list, each image once."""
    found = []
    seen: set[str] = set()
    for number, line in enumerate(_lines(source), start=1):
        path, _, label = line.strip().rpartition(" ")
        folder = PATH.fullmatch(path)
        if folder is None or not LABEL.fullmatch(label):
            raise CirqueError(
                f"{source}: line {number}: expected imgnet/real/WNID/NAME or imgnet/imagenet-r/WNID/NAME and a label,"
                f" found {line!r:.120}; get the official file again ({DOCS})"
            )
        if path in seen:
            raise CirqueError(f"{source}: line {number}: {path} occurs twice; get the official file again ({DOCS})")
        seen.add(path)
        domain, of_class = divmod(int(label), PER_DOMAIN)
        found.append(Labelled(path.removeprefix(FOLDER), folder[1] == "real", folder[2], of_class, domain))
    return found


def _lines(source: Path) -> list[str]:
    provenance.read(source)
    try:
        lines = source.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except FileNotFoundError as error:
        raise CirqueError(f"{source}: no such file; see {DOCS}") from error
    except OSError as error:
        raise CirqueError(f"{source}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{source}: byte {error.start} is not UTF-8; get the official file again ({DOCS})") from error
    if not lines:
        raise CirqueError(f"{source}: expected at least one line; get the official file again ({DOCS})")
    return lines


# ---- queries -------------------------------------------------------------------------------------------------------


def queries(
    data_root: Path, split: str, answers: Path | None = None, full_captions: Path | None = None
) -> list[dict[str, Any]]:
    """Rows of schemas.QUERIES, domain after domain, each in the order of the list of photographs.

    Rows share their lists: 40,000 queries have 800 lists of targets between them.

    Args:
        data_root: folder that holds `imgnet/`.
        split: val.
        answers: none, for nothing is hidden.
        full_captions: {query id: caption of what its targets show}, where the data are generated.

    Raises:
        CirqueError: a line that the official lists would not contain, with its file and number.
    """
    sources = {role: data_root / path for role, path in annotation_files(split).items()}
    if answers is not None:
        raise CirqueError(f"{answers}: {TITLE} tells its own targets; give no answers")
    targets = _targets(sources["split"])
    photographs = _photographs(sources["queries"], targets)
    of_label: dict[tuple[int, int], list[str]] = defaultdict(list)
    for target in targets:
        of_label[target.of_class, target.domain].append(target.image_id)
    no_tags: list[str] = []
    rows: list[dict[str, Any]] = []
    for domain, number in DOMAINS.items():
        captions = [domain]
        rows += [
            {
                "query_id": f"{domain}-{index}",
                "reference_id": photograph.image_id,
                "captions": captions,
                "target_ids": of_label[photograph.of_class, number],
                "candidate_ids": None,
                "subset_ids": None,
                "group": domain,
                "tags": no_tags,
                "full_caption": None,
            }
            for index, photograph in enumerate(photographs)
        ]
    if full_captions is not None:
        stated = annotations.by_key(full_captions, [row["query_id"] for row in rows], str, "queries", what="query id")
        for row in rows:
            row["full_caption"] = stated[row["query_id"]]
    return rows


def _photographs(source: Path, targets: list[Labelled]) -> list[Labelled]:
    """What asks: each is a candidate too, and its label is the class without a domain."""
    classes = {target.image_id: target.of_class for target in targets if target.is_photograph}
    photographs = _labelled(source)
    for number, photograph in enumerate(photographs, start=1):
        if photograph.domain or classes.get(photograph.image_id) != photograph.of_class:
            raise CirqueError(
                f"{source}: line {number}: the list of targets has no photograph {photograph.image_id} of class"
                f" {photograph.domain * PER_DOMAIN + photograph.of_class}; the two lists are not of one release, get"
                f" both again ({DOCS})"
            )
    return photographs
