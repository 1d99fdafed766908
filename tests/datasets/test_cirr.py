import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cirque.datasets import cirr
from cirque.errors import CirqueError
from cirque.store import schemas

# ---- the real files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "n_queries", "n_images", "n_references", "n_sets"),
    [("val", 4181, 2297, 2165, 503), ("test1", 4148, 2315, 2178, 503)],
)
def test_the_official_files_parse_with_the_published_counts(
    annotations: Path, split: str, n_queries: int, n_images: int, n_references: int, n_sets: int
):
    queries = cirr.queries(annotations, split)
    images = dict(cirr.images(annotations, split))
    assert (len(queries), len(images)) == (n_queries, n_images)
    assert len({query["reference_id"] for query in queries}) == n_references
    assert len({frozenset([q["reference_id"], *q["subset_ids"]]) for q in queries}) == n_sets
    assert all(len(query["subset_ids"]) == 5 for query in queries)
    assert all(query["reference_id"] in images for query in queries)
    assert len(pa.Table.from_pylist(queries, schema=schemas.QUERIES)) == n_queries


def test_the_train_split_has_its_published_number_of_images(annotations: Path):
    images = cirr.images(annotations, "train")
    assert len(images) == 16_939
    assert images[0] == ("train-11041-2-img0", "CIRR/train/34/train-11041-2-img0.png")


def test_the_train_split_has_its_published_number_of_pairs(annotations: Path):
    file = annotations / cirr.annotation_files("train")["captions"]
    if not file.is_file():
        pytest.skip(f"no {file}")
    found = cirr.training(annotations, "train")
    assert (len(found.texts), len(found.image_ids)) == (28_225, 16_939)


def test_pairs_of_val_are_its_queries(annotations: Path):
    found = cirr.training(annotations, "val")
    assert (len(found.texts), len(found.image_ids)) == (4181, 2297)
    assert found.texts == [query["captions"][0] for query in cirr.queries(annotations, "val")]


def test_an_official_val_query_is_read_to_the_letter(annotations: Path):
    query = next(q for q in cirr.queries(annotations, "val") if q["query_id"] == "12060")
    assert query["reference_id"] == "dev-244-0-img0"
    assert query["captions"] == ["show three bottles of soft drink"]
    assert query["target_ids"] == ["dev-1028-1-img1"]
    assert query["target_ids"][0] in query["subset_ids"]
    assert (query["candidate_ids"], query["group"], query["tags"], query["full_caption"]) == (None, "", [], None)


def test_the_gallery_keeps_the_order_of_the_split_file_and_val_lies_in_dev(annotations: Path):
    images = cirr.images(annotations, "val")
    assert images[:2] == [
        ("dev-244-0-img0", "CIRR/dev/dev-244-0-img0.png"),
        ("dev-1028-1-img1", "CIRR/dev/dev-1028-1-img1.png"),
    ]
    assert {str(Path(path).parent) for _, path in images} == {cirr.image_folders("val")[0]}


def test_test1_hides_its_targets_and_keeps_its_one_blank_caption(annotations: Path):
    queries = cirr.queries(annotations, "test1")
    assert all(query["target_ids"] == [] for query in queries)
    assert [query["query_id"] for query in queries if not query["captions"][0].strip()] == ["27098"]
    assert [" "] in [query["captions"] for query in queries]


def test_every_official_split_has_its_files_and_folder():
    assert cirr.annotation_files("test1") == {
        "captions": "CIRR/cirr/captions/cap.rc2.test1.json",
        "split": "CIRR/cirr/image_splits/split.rc2.test1.json",
    }
    assert [cirr.image_folders(s)[0] for s in cirr.SPLITS] == ["CIRR/train", "CIRR/dev", "CIRR/test1"]


# ---- a small split and what can be wrong with it -------------------------------------------------------------------

NAMES = [f"dev-{i}" for i in range(12)]


def record(pair: int, first: int = 0) -> dict[str, Any]:
    members = NAMES[first : first + 6]
    return {
        "pairid": pair,
        "reference": members[2],
        "target_hard": members[4],
        "target_soft": {members[4]: 1.0},
        "caption": f"is larger than {pair}",
        "img_set": {"id": first, "members": members, "reference_rank": 1, "target_rank": 3},
    }


class Split:
    """A small split on disk, in the official layout."""

    def __init__(self, root: Path, split: str = "val") -> None:
        self.root = root
        self.paths = {role: root / path for role, path in cirr.annotation_files(split).items()}
        self.images = {name: f"./dev/{name}.png" for name in NAMES}
        self.records = [record(30), record(10, 3), record(20, 6)]

    def write(self) -> None:
        for path, content in ((self.paths["split"], self.images), (self.paths["captions"], self.records)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return Split(tmp_path)


def test_queries_come_in_the_order_of_the_file_with_the_members_in_theirs(split: Split):
    split.write()
    queries = cirr.queries(split.root, "val")
    assert [query["query_id"] for query in queries] == ["30", "10", "20"]
    assert queries[0]["subset_ids"] == [NAMES[i] for i in (0, 1, 3, 4, 5)]


def test_odd_captions_are_kept_to_the_letter(split: Split):
    odd = ["", "  two  spaces ", "costs $5 * \u00e9 \U0001f600", 'says "no", twice\n']
    split.records = [record(i) | {"caption": caption} for i, caption in enumerate(odd)]
    split.write()
    assert [query["captions"][0] for query in cirr.queries(split.root, "val")] == odd


def drop(*keys: str) -> Callable[[Split], None]:
    def change(split: Split) -> None:
        where = split.records[1]
        for key in keys[:-1]:
            where = where[key]
        del where[keys[-1]]

    return change


def put(value: Any, *keys: str) -> Callable[[Split], None]:
    def change(split: Split) -> None:
        where = split.records[1]
        for key in keys[:-1]:
            where = where[key]
        where[keys[-1]] = value

    return change


def replace(**changes: Any) -> Callable[[Split], None]:
    return lambda split: split.__dict__.update(deepcopy(changes))


WRONG = {
    "no pairid": (drop("pairid"), r"val\.json: record 2: lacks the key 'pairid'"),
    "no reference": (drop("reference"), r"val\.json: pair 10: lacks the key 'reference'"),
    "no caption": (drop("caption"), "pair 10: lacks the key 'caption'"),
    "no target": (drop("target_hard"), "pair 10: lacks the key 'target_hard'"),
    "no image set": (drop("img_set"), "pair 10: lacks the key 'img_set'"),
    "no members": (drop("img_set", "members"), "pair 10: lacks the key 'members'"),
    "pair id a string": (put("10", "pairid"), "record 2: pairid must be of type int, found '10'"),
    "pair id a truth value": (put(True, "pairid"), "record 2: pairid must be of type int, found True"),
    "caption a list": (put(["x"], "caption"), "pair 10: caption must be of type str"),
    "caption null": (put(None, "caption"), "pair 10: caption must be of type str, found None"),
    "half a surrogate pair": (put("\ud800", "caption"), "pair 10: caption holds half of a surrogate pair"),
    "duplicate pair": (put(30, "pairid"), r"val\.json: pair 30 occurs twice"),
    "reference not in the split": (put("dev-99", "reference"), "pair 10: its reference dev-99 is not in the split"),
    "reference with its ending": (put("dev-5.png", "reference"), "its reference dev-5.png is not in the split"),
    "target not in the split": (put("dev-99", "target_hard"), "pair 10: its target dev-99 is not among"),
    "target is the reference": (put(NAMES[5], "target_hard"), "pair 10: its target dev-5 is not among the other"),
    "five members": (put(NAMES[3:8], "img_set", "members"), "pair 10: img_set must have 6 different members"),
    "a member twice": (put(NAMES[3:8] + NAMES[3:4], "img_set", "members"), "must have 6 different members"),
    "a member not in the split": (put([*NAMES[3:8], "dev-99"], "img_set", "members"), "its member dev-99 is not in"),
    "a member a number": (put([*NAMES[3:8], 7], "img_set", "members"), "its member 7 is not in the split"),
    "set without the reference": (put(NAMES[6:12], "img_set", "members"), "its reference dev-5 is not among"),
    "record a list": (replace(records=[record(30), []]), r"record 2: expected a dictionary, found \[\]"),
    "no records": (replace(records=[]), "expected a list with at least one record"),
    "records a dictionary": (replace(records={"30": record(30)}), "expected a list with at least one record"),
    "no images": (replace(images={}), r"split\.rc2\.val\.json: expected a dictionary"),
    "images a list": (replace(images=NAMES), r"split\.rc2\.val\.json: expected a dictionary"),
    "path a number": (replace(images={"dev-0": 3}), "image dev-0: 3 is not a path"),
    "path that climbs": (replace(images={"dev-0": "../x.png"}), r"image dev-0: '\.\./x\.png' is not a path"),
    "path from the root": (replace(images={"dev-0": "/x.png"}), "image dev-0: '/x.png' is not a path"),
    "one path twice": (replace(images={"a": "./x.png", "b": "x.png"}), "two names share one path"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_record_is_refused_with_its_file_and_pair(split: Split, name: str):
    change, message = WRONG[name]
    change(split)
    split.write()
    with pytest.raises(CirqueError, match=message):
        cirr.queries(split.root, "val")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"broken JSON at line 1, column 1"),
        (b'[{"pairid": 3,', r"broken JSON at line 1"),
        ('[{"caption": "\u00e9"}]'.encode("latin-1"), r"byte 14 is not UTF-8; save the file as UTF-8"),
        ("[]".encode("utf-16"), r"is not UTF-8"),
        (b"[" * 100_000, r"nested too deeply"),
        (b'[{"pairid": 1, "pairid": 2}]', r"the key 'pairid' occurs twice"),
    ],
)
@pytest.mark.parametrize("role", ["captions", "split"])
def test_a_file_that_is_no_whole_json_is_refused_with_its_place(split: Split, role: str, content: bytes, message: str):
    split.write()
    split.paths[role].write_bytes(content)
    with pytest.raises(CirqueError, match=rf"{split.paths[role].name}: .*{message}"):
        cirr.queries(split.root, "val")


@pytest.mark.parametrize("role", ["captions", "split"])
def test_a_missing_file_is_named(split: Split, role: str):
    split.write()
    split.paths[role].unlink()
    with pytest.raises(CirqueError, match=rf"{split.paths[role].name}: no such file"):
        cirr.queries(split.root, "val")


def test_a_file_with_a_byte_order_mark_is_read(split: Split):
    split.write()
    path = split.paths["captions"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(cirr.queries(split.root, "val")) == 3


def test_an_unknown_split_is_refused_with_the_known_ones():
    with pytest.raises(CirqueError, match="no split is called 'test'; there are train, val, test1"):
        cirr.annotation_files("test")


# ---- training ------------------------------------------------------------------------------------------------------


def test_every_pair_is_drawn_and_equally_often(split: Split):
    split.records = [record(30), record(31), record(10, 3), record(20, 6)]  # two of one reference
    split.write()
    found = cirr.training(split.root, "val")
    assert list(found.image_ids) == NAMES
    assert (found.triplets_of_a_draw, found.has_references) == (1, True)
    assert found.texts == [f"is larger than {pair}" for pair in (30, 31, 10, 20)]
    rng = np.random.default_rng(0)
    drawn = [found.draw(number % 12, rng) for number in range(4000)]
    assert {len(one) for one in drawn} == {1}
    counts = Counter(one[0] for one in drawn)
    first = split.records[0]
    assert (first["reference"], first["caption"], first["target_hard"]) in counts
    assert len(counts) == 4
    assert all(900 < count < 1100 for count in counts.values())


def test_triplets_are_the_records_in_order_with_their_words(split: Split):
    split.write()
    found = cirr.triplets(split.root, "val")
    assert [(one.reference_id, one.captions, one.target_id) for one in found] == [
        (record["reference"], [record["caption"]], record["target_hard"]) for record in split.records
    ]


def test_a_draw_is_that_of_its_random_numbers(split: Split):
    split.write()
    draw = cirr.training(split.root, "val").draw
    assert draw(0, np.random.default_rng(3)) == draw(5, np.random.default_rng(3))


def test_a_pair_without_a_word_is_not_drawn_and_one_with_any_is_needed(split: Split):
    for row in split.records[1:]:
        row["caption"] = " ?"
    split.write()
    found = cirr.training(split.root, "val")
    rng = np.random.default_rng(0)
    assert {found.draw(number, rng)[0].text for number in range(20)} == {"is larger than 30"}
    split.records = split.records[1:]
    split.write()
    with pytest.raises(CirqueError, match="2 triplets, but none has a text with a word"):
        cirr.training(split.root, "val")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("target_hard"), r"val\.json: record 2: lacks the key 'target_hard'"),
        (drop("caption"), "record 2: lacks the key 'caption'"),
        (put("dev-99", "reference"), "record 2: its reference dev-99 is not in the split"),
        (put("dev-99", "target_hard"), "record 2: its target dev-99 is not in the split"),
        (replace(records=[]), "expected a list with at least one record"),
    ],
)
def test_a_record_that_teaches_nothing_is_refused(split: Split, change: Callable[[Split], None], message: str):
    change(split)
    split.write()
    with pytest.raises(CirqueError, match=message):
        cirr.training(split.root, "val")


def test_a_training_looks_at_no_image_set(split: Split):
    drop("img_set")(split)
    split.write()
    assert len(cirr.training(split.root, "val").texts) == 3


def test_nothing_is_learned_from_hidden_targets(tmp_path: Path):
    with pytest.raises(CirqueError, match="CIRR test1: its targets are hidden"):
        cirr.training(tmp_path, "test1")


# ---- answers and captions of generated data ------------------------------------------------------------------------


@pytest.fixture
def hidden(tmp_path: Path) -> Split:
    """A test1 split with its answers and full captions beside it."""
    split = Split(tmp_path, "test1")
    for row in split.records:
        del row["target_hard"]
    split.write()
    (tmp_path / "answers.json").write_text(
        json.dumps({str(r["pairid"]): r["img_set"]["members"][0] for r in split.records})
    )
    (tmp_path / "captions.json").write_text(json.dumps(dict.fromkeys(NAMES, "a red star")))
    return split


def test_answers_and_full_captions_fill_a_hidden_split(hidden: Split):
    queries = cirr.queries(hidden.root, "test1", hidden.root / "answers.json", hidden.root / "captions.json")
    assert [query["target_ids"] for query in queries] == [[NAMES[0]], [NAMES[3]], [NAMES[6]]]
    assert {query["full_caption"] for query in queries} == {"a red star"}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"30": NAMES[0], "10": NAMES[3]}, r"lacks 1 of 3 pairs \(20\)"),
        ({"30": NAMES[0], "10": NAMES[3], "20": NAMES[6], "5": NAMES[1]}, r"has 1 that the split has not \(5\)"),
        ({"30": NAMES[0], "10": NAMES[3], "20": NAMES[0]}, "pair 20: its target dev-0 is not among"),
        ({"30": NAMES[0], "10": NAMES[3], "20": 6}, "expected a dictionary of pair id to text"),
        ([], "expected a dictionary of pair id to text"),
    ],
)
def test_answers_that_do_not_fit_the_split_are_refused(hidden: Split, answers: Any, message: str):
    (hidden.root / "answers.json").write_text(json.dumps(answers))
    with pytest.raises(CirqueError, match=rf"answers\.json: .*{message}"):
        cirr.queries(hidden.root, "test1", hidden.root / "answers.json")
