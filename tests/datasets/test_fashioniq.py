import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cirque.datasets import fashioniq
from cirque.errors import CirqueError
from cirque.store import schemas

# ---- the real files ------------------------------------------------------------------------------------------------


def per_category(groups: list[str]) -> tuple[int, ...]:
    counts = Counter(groups)
    assert list(counts) == list(fashioniq.CATEGORIES)
    return tuple(counts.values())


@pytest.mark.parametrize(
    ("split", "n_queries", "n_gallery", "n_images"),
    [
        ("train", (5985, 5988, 6027), (11_452, 19_036, 16_121), 45_429),
        ("val", (2017, 2038, 1961), (3817, 6346, 5373), 15_415),
        ("test", (2024, 2038, 2056), (3818, 6346, 5374), 15_417),
    ],
)
def test_the_official_files_parse_with_the_published_counts(
    annotations: Path, split: str, n_queries: tuple[int, ...], n_gallery: tuple[int, ...], n_images: int
):
    queries = fashioniq.queries(annotations, split)
    gallery = fashioniq.gallery(annotations, split)
    images = [name for name, _ in fashioniq.images(annotations, split)]
    assert per_category([query["group"] for query in queries]) == n_queries
    assert per_category([group for _, group in gallery]) == n_gallery
    assert len(images) == len(set(images)) == n_images
    assert set(images) == {name for name, _ in gallery}
    assert len(set(gallery)) == len(gallery)
    assert len({query["query_id"] for query in queries}) == sum(n_queries)
    assert len(pa.Table.from_pylist(queries, schema=schemas.QUERIES)) == sum(n_queries)


def test_the_val_protocol_has_the_smaller_galleries_of_references_and_targets(annotations: Path):
    gallery = fashioniq.gallery(annotations, "val", "val")
    assert per_category([group for _, group in gallery]) == (2628, 3089, 2902)
    whole = fashioniq.gallery(annotations, "val", "split")
    used = set(gallery)
    assert gallery == [candidate for candidate in whole if candidate in used]


def test_all_splits_together_have_the_published_number_of_images(annotations: Path):
    galleries = [fashioniq.gallery(annotations, split) for split in fashioniq.SPLITS]
    assert sum(map(len, galleries)) == 77_683
    assert len({name for gallery in galleries for name, _ in gallery}) == 74_381


def test_references_have_their_published_numbers(annotations: Path):
    queries = fashioniq.queries(annotations, "val")
    references = {(query["group"], query["reference_id"]) for query in queries}
    assert Counter(group for group, _ in references) == {"dress": 1331, "shirt": 1541, "toptee": 1454}
    assert len({name for _, name in references}) == 4315


def test_an_official_val_query_is_read_to_the_letter(annotations: Path):
    query = fashioniq.queries(annotations, "val")[0]
    assert query == {
        "query_id": "dress-0",
        "reference_id": "B005X4PL1G",
        "captions": ["is shiny and silver with shorter sleeves", "fit and flare"],
        "target_ids": ["B0084Y8XIU"],
        "candidate_ids": None,
        "subset_ids": None,
        "group": "dress",
        "tags": [],
        "full_caption": None,
    }


# One caption of the dresses of train is a full stop.
@pytest.mark.parametrize(
    ("split", "n_empty"),
    [("train", {"dress": 1, "toptee": 12}), ("val", {"shirt": 1, "toptee": 2}), ("test", {"shirt": 1})],
)
def test_captions_that_are_empty_once_stripped_stay(annotations: Path, split: str, n_empty: dict[str, int]):
    queries = fashioniq.queries(annotations, split)
    assert all(len(query["captions"]) == 2 for query in queries)
    stripped = [(query["group"], text.strip(".?, ")) for query in queries for text in query["captions"]]
    assert Counter(group for group, text in stripped if not text) == n_empty


def test_a_training_has_the_published_number_of_records(annotations: Path):
    found = fashioniq.training(annotations, "train")
    assert (len(found.texts), len(found.image_ids)) == (18_000, 45_429)
    rng = np.random.default_rng(0)
    known = set(found.image_ids)
    for number in range(100):
        (drawn,) = found.draw(number, rng)
        assert {drawn.reference_id, drawn.target_id} <= known


def test_the_hidden_split_has_no_targets(annotations: Path):
    assert all(query["target_ids"] == [] for query in fashioniq.queries(annotations, "test"))


# ---- a small split and what can be wrong with it -------------------------------------------------------------------


def asin(number: int) -> str:
    return f"B{number:09d}"


class Split:
    """A small split on disk, in the official layout; `images` and `records` are those of the shirts."""

    def __init__(self, root: Path, split: str = "val") -> None:
        self.root = root
        self.split = split
        self.paths = {role: root / path for role, path in fashioniq.annotation_files(split).items()}
        self.images = [asin(i) for i in range(5)]
        self.records = [record(0, 1), record(2, 3)]

    def write(self) -> None:
        for category, first in (("dress", 10), ("toptee", 20)):
            self._write(f"split_{category}", [asin(first + i) for i in range(4)] + [asin(0)])
            self._write(f"captions_{category}", [record(first + 1, first)])
        self._write("split_shirt", self.images)
        self._write("captions_shirt", self.records)

    def _write(self, role: str, content: Any) -> None:
        self.paths[role].parent.mkdir(parents=True, exist_ok=True)
        self.paths[role].write_text(json.dumps(content))


def record(candidate: int, target: int) -> dict[str, Any]:
    return {"target": asin(target), "candidate": asin(candidate), "captions": [f"is {target}", "has a collar"]}


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return Split(tmp_path)


def test_queries_come_category_after_category_in_the_order_of_the_files(split: Split):
    split.write()
    queries = fashioniq.queries(split.root, "val")
    assert [query["query_id"] for query in queries] == ["dress-0", "shirt-0", "shirt-1", "toptee-0"]
    assert [query["group"] for query in queries] == ["dress", "shirt", "shirt", "toptee"]
    assert [query["target_ids"] for query in queries] == [[asin(10)], [asin(1)], [asin(3)], [asin(20)]]


def test_an_image_of_three_categories_comes_once_but_is_in_every_gallery(split: Split):
    split.write()
    names = [name for name, _ in fashioniq.images(split.root, "val")]
    assert names == [asin(i) for i in (10, 11, 12, 13, 0, 1, 2, 3, 4, 20, 21, 22, 23)]
    gallery = fashioniq.gallery(split.root, "val")
    assert [group for name, group in gallery if name == asin(0)] == ["dress", "shirt", "toptee"]
    assert len(gallery) == 15


def test_the_val_protocol_looks_at_each_category_by_itself(split: Split):
    split.write()
    gallery = fashioniq.gallery(split.root, "val", "val")
    assert gallery == [
        *((asin(i), "dress") for i in (10, 11)),
        *((asin(i), "shirt") for i in (0, 1, 2, 3)),
        *((asin(i), "toptee") for i in (20, 21)),
    ]


def test_the_ending_of_an_image_is_found_out(split: Split):
    split.write()
    folder = split.root / fashioniq.image_folders("val")[0]
    folder.mkdir(parents=True)
    for name in (f"{asin(10)}.png", f"{asin(11)}.jpeg", f"{asin(12)}.png", f"{asin(12)}.jpg", f"{asin(13)}.webp"):
        (folder / name).touch()
    paths = [path for _, path in fashioniq.images(split.root, "val")[:4]]
    assert paths == [
        f"FashionIQ/images/{asin(i)}.{end}" for i, end in ((10, "png"), (11, "jpeg"), (12, "jpg"), (13, "jpg"))
    ]


def test_an_image_that_is_not_there_gets_the_path_that_it_should_have(split: Split):
    split.write()
    assert fashioniq.images(split.root, "val")[0] == (asin(10), f"FashionIQ/images/{asin(10)}.jpg")


@pytest.mark.parametrize(
    "written", ["is red.", " , is red ?. ", "two  spaces", "costs $5 * \u00e9 \U0001f600.", ".", ""]
)
def test_captions_are_verbatim(split: Split, written: str):
    split.records[0]["captions"] = [written, "Is Longer"]
    split.write()
    assert fashioniq.queries(split.root, "val")[1]["captions"] == [written, "Is Longer"]


# ---- training ------------------------------------------------------------------------------------------------------


def test_records_of_all_categories_are_drawn_with_both_captions(split: Split):
    split.records[1]["captions"] = ["is red.", ""]
    split.write()
    found = fashioniq.training(split.root, "val")
    texts = ["is 10 and has a collar", "is 1 and has a collar", "is red. and ", "is 20 and has a collar"]
    assert found.texts == texts
    assert list(found.image_ids) == [name for name, _ in fashioniq.images(split.root, "val")]
    rng = np.random.default_rng(0)
    assert {found.draw(0, rng)[0] for _ in range(200)} == {
        (asin(11), texts[0], asin(10)),
        (asin(0), texts[1], asin(1)),
        (asin(2), texts[2], asin(3)),
        (asin(21), texts[3], asin(20)),
    }


def test_nothing_is_learned_from_targets_that_are_not_public(tmp_path: Path):
    with pytest.raises(CirqueError, match="FashionIQ test: its targets are not public"):
        fashioniq.training(tmp_path, "test")


def drop(key: str) -> Callable[[Split], None]:
    return lambda split: split.records[1].pop(key)


def put(**values: Any) -> Callable[[Split], None]:
    return lambda split: split.records[1].update(values)


def replace(**changes: Any) -> Callable[[Split], None]:
    return lambda split: split.__dict__.update(deepcopy(changes))


WRONG = {
    "no candidate": (
        drop("candidate"),
        r"cap\.shirt\.val\.json: record 2: lacks the key 'candidate'; get the official",
    ),
    "no target": (drop("target"), r"cap\.shirt\.val\.json: record 2: lacks the key 'target'"),
    "no captions": (drop("captions"), r"cap\.shirt\.val\.json: record 2: lacks the key 'captions'"),
    "candidate a number": (put(candidate=3), "record 2: candidate must be of type str, found 3"),
    "target a list": (put(target=[asin(1)]), "record 2: target must be of type str"),
    "target null": (put(target=None), "record 2: target must be of type str, found None"),
    "captions a string": (put(captions="is red"), "record 2: captions must be of type list, found 'is red'"),
    "one caption": (put(captions=["is red"]), "record 2: captions must be 2 strings, found 1; get the official"),
    "three captions": (put(captions=["a", "b", "c"]), "record 2: captions must be 2 strings, found 3"),
    "no caption": (put(captions=[]), "record 2: captions must be 2 strings, found 0"),
    "caption null": (put(captions=["is red", None]), "record 2: caption 2 must be of type str, found None"),
    "caption a list": (put(captions=[["is red"], ""]), "record 2: caption 1 must be of type str"),
    "half a surrogate pair": (put(captions=["", "\ud800"]), "record 2: caption 2 holds half of a surrogate pair"),
    "candidate elsewhere": (put(candidate=asin(10)), "record 2: its candidate 'B000000010' is not in the category's"),
    "target elsewhere": (put(target=asin(10)), "record 2: its target 'B000000010' is not in the category's split file"),
    "target with its ending": (put(target=f"{asin(3)}.jpg"), r"its target 'B000000003\.jpg' is not in the category's"),
    "target is the candidate": (put(target=asin(2)), "record 2: its target B000000002 is its candidate too; get"),
    "record a list": (replace(records=[record(0, 1), []]), r"record 2: expected a dictionary, found \[\]"),
    "no records": (replace(records=[]), r"cap\.shirt\.val\.json: expected a list with at least one record"),
    "records a dictionary": (replace(records={"0": record(0, 1)}), "expected a list with at least one record"),
    "no images": (replace(images=[]), r"split\.shirt\.val\.json: expected a list with at least one ASIN"),
    "images a dictionary": (replace(images={asin(0): "x"}), r"split\.shirt\.val\.json: expected a list"),
    "an image twice": (replace(images=[asin(0), asin(1), asin(0)]), r"shirt\.val\.json: ASIN B000000000 occurs twice"),
    "image a number": (replace(images=[asin(0), 7]), r"split\.shirt\.val\.json: entry 2: 7 is no ASIN of ten"),
    "image a list": (replace(images=[[asin(0)]]), r"entry 1: \['B000000000'\] is no ASIN"),
    "image with a path": (replace(images=["../0000001"]), r"entry 1: '\.\./0000001' is no ASIN"),
    "image with its ending": (replace(images=[f"{asin(0)}.jpg"]), r"entry 1: 'B000000000\.jpg' is no ASIN"),
    "image with a line end": (replace(images=[f"{asin(0)}\n"]), r"entry 1: 'B000000000\\n' is no ASIN"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_record_is_refused_with_its_file_and_place(split: Split, name: str):
    change, message = WRONG[name]
    change(split)
    split.write()
    with pytest.raises(CirqueError, match=message):
        fashioniq.queries(split.root, "val")


@pytest.mark.parametrize("read", [fashioniq.images, fashioniq.gallery])
def test_images_and_gallery_refuse_a_wrong_split_file_too(split: Split, read: Callable[[Path, str], Any]):
    split.images = [asin(0), asin(0)]
    split.write()
    with pytest.raises(CirqueError, match=r"split\.shirt\.val\.json: ASIN B000000000 occurs twice; get the official"):
        read(split.root, "val")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"broken JSON at line 1, column 1"),
        (b'[{"candidate": "B00', r"broken JSON at line 1"),
        ('[{"captions": "\u00e9"}]'.encode("latin-1"), r"is not UTF-8; save the file as UTF-8"),
        (b"[" * 100_000, r"nested too deeply"),
        (b'[{"target": 1, "target": 2}]', r"the key 'target' occurs twice"),
    ],
)
@pytest.mark.parametrize("role", ["captions_toptee", "split_dress"])
def test_a_file_that_is_no_whole_json_is_refused_with_its_place(split: Split, role: str, content: bytes, message: str):
    split.write()
    split.paths[role].write_bytes(content)
    with pytest.raises(CirqueError, match=rf"{split.paths[role].name}: .*{message}"):
        fashioniq.queries(split.root, "val")


@pytest.mark.parametrize("role", fashioniq.annotation_files("val"))
def test_a_missing_file_is_named(split: Split, role: str):
    split.write()
    split.paths[role].unlink()
    with pytest.raises(CirqueError, match=rf"{split.paths[role].name}: no such file"):
        fashioniq.queries(split.root, "val")


def test_an_unknown_split_or_protocol_is_refused_with_the_known_ones(split: Split):
    split.write()
    with pytest.raises(CirqueError, match="no split is called 'test1'; there are train, val, test"):
        fashioniq.annotation_files("test1")
    with pytest.raises(CirqueError, match="no split is called 'dev'"):
        fashioniq.image_folders("dev")
    with pytest.raises(CirqueError, match="no gallery protocol is called 'original'; there are split, val"):
        fashioniq.gallery(split.root, "val", "original")


def test_every_split_has_two_official_files_a_category_and_one_folder():
    assert fashioniq.annotation_files("test") == {
        "captions_dress": "FashionIQ/captions/cap.dress.test.json",
        "captions_shirt": "FashionIQ/captions/cap.shirt.test.json",
        "captions_toptee": "FashionIQ/captions/cap.toptee.test.json",
        "split_dress": "FashionIQ/image_splits/split.dress.test.json",
        "split_shirt": "FashionIQ/image_splits/split.shirt.test.json",
        "split_toptee": "FashionIQ/image_splits/split.toptee.test.json",
    }
    assert {fashioniq.image_folders(split)[0] for split in fashioniq.SPLITS} == {"FashionIQ/images"}


# ---- answers and captions of the whole target ----------------------------------------------------------------------

TARGETS = {"dress-0": asin(12), "shirt-0": asin(4), "shirt-1": asin(0), "toptee-0": asin(20)}


@pytest.fixture
def hidden(tmp_path: Path) -> Split:
    """A test split."""
    split = Split(tmp_path, "test")
    for entry in split.records:
        del entry["target"]
    split.write()
    return split


def side_file(split: Split, content: Any) -> Path:
    path = split.root / "side.json"
    path.write_text(json.dumps(content))
    return path


def test_a_val_gallery_of_test_is_refused(hidden: Split):
    assert len(fashioniq.gallery(hidden.root, "test")) == 15
    with pytest.raises(CirqueError, match="FashionIQ test: its targets are not public"):
        fashioniq.gallery(hidden.root, "test", "val")


def test_answers_fill_a_hidden_split(hidden: Split):
    queries = fashioniq.queries(hidden.root, "test", side_file(hidden, TARGETS))
    assert {query["query_id"]: query["target_ids"] for query in queries} == {k: [v] for k, v in TARGETS.items()}


def test_full_captions_are_taken_by_query(split: Split):
    split.write()
    captions = {query: f"a photo of {target}" for query, target in TARGETS.items()}
    queries = fashioniq.queries(split.root, "val", full_captions=side_file(split, captions))
    assert {query["query_id"]: query["full_caption"] for query in queries} == captions


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({k: v for k, v in TARGETS.items() if k != "shirt-1"}, r"lacks 1 of 4 queries \(shirt-1\)"),
        (TARGETS | {"shirt-9": asin(1)}, r"has 1 that the split has not \(shirt-9\)"),
        (TARGETS | {"shirt-0": asin(12)}, "query shirt-0: its target 'B000000012' is not in the category's split file"),
        (TARGETS | {"shirt-0": asin(0)}, "query shirt-0: its target B000000000 is its candidate too"),
        (TARGETS | {"shirt-0": 3}, "expected a dictionary of query id to text"),
    ],
)
def test_answers_that_do_not_fit_the_split_are_refused(hidden: Split, answers: Any, message: str):
    with pytest.raises(CirqueError, match=rf"side\.json: .*{message}"):
        fashioniq.queries(hidden.root, "test", side_file(hidden, answers))


def test_answers_of_a_split_that_tells_its_targets_are_refused(split: Split):
    split.write()
    with pytest.raises(CirqueError, match="FashionIQ val tells its own targets; give answers for test only"):
        fashioniq.queries(split.root, "val", side_file(split, TARGETS))
