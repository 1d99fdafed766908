import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cirque.datasets import circo
from cirque.errors import CirqueError
from cirque.store import schemas

# ---- the real files ------------------------------------------------------------------------------------------------


def write_info(root: Path, ids: list[int]) -> None:
    path = root / circo.annotation_files("unlabeled")["split"]
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"id": number, "file_name": f"{number:012d}.jpg", "license": 1} for number in ids]
    path.write_text(json.dumps({"info": {}, "images": entries}))


@pytest.fixture(scope="module")
def official(annotations: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official annotations beside an info file of just the images that they name."""
    root = tmp_path_factory.mktemp("circo")
    (root / "CIRCO").mkdir()
    (root / "CIRCO/annotations").symlink_to(annotations / "CIRCO/annotations")
    named: set[int] = set()
    for split in circo.SPLITS:
        for entry in json.loads((root / f"CIRCO/annotations/{split}.json").read_text()):
            named |= {entry["reference_img_id"], *entry.get("gt_img_ids", [])}
    write_info(root, sorted(named))
    return root


@pytest.mark.parametrize(("split", "n_queries", "n_references"), [("val", 220, 220), ("test", 800, 798)])
def test_the_official_files_parse_with_the_published_counts(
    official: Path, split: str, n_queries: int, n_references: int
):
    queries = circo.queries(official, split)
    assert len(queries) == n_queries
    assert len({query["reference_id"] for query in queries}) == n_references
    assert pa.Table.from_pylist(queries, schema=schemas.QUERIES).num_rows == n_queries
    assert all(query["subset_ids"] is None and query["group"] == "" for query in queries)


def test_val_has_916_ground_truths_of_which_the_first_is_the_target(official: Path):
    queries = circo.queries(official, "val")
    counts = [len(query["target_ids"]) for query in queries]
    assert (sum(counts), min(counts), max(counts)) == (916, 1, 14)
    first = queries[0]
    assert (first["reference_id"], first["target_ids"]) == ("271520", ["355099", "528417", "534704"])
    assert first["captions"] == ["shows two people and has a more colorful background"]


def test_the_aspects_of_val_have_their_published_frequencies(official: Path):
    counts = Counter(tag for query in circo.queries(official, "val") for tag in query["tags"])
    assert counts == {
        "statement_with_conjunction": 164, "direct_addressing": 119, "spatial_relations_background": 100,
        "compare_change": 86, "addition": 80, "viewpoint": 54, "comparative_statement": 50, "cardinality": 37,
        "negation": 21,
    }  # fmt: skip
    assert set(counts) == set(circo.ASPECTS)


def test_test_hides_its_ground_truths(official: Path):
    assert all(query["target_ids"] == [] and query["tags"] == [] for query in circo.queries(official, "test"))


# ---- made files ----------------------------------------------------------------------------------------------------


def record(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "reference_img_id": 10,
        "relative_caption": "has two 🐕 and a 'quote', no $",
        "shared_concept": "a dog",
        "target_img_id": 20,
        "gt_img_ids": [20, 30],
        "semantic_aspects": ["negation"],
    } | changes


def write(root: Path, records: object, split: str = "val") -> None:
    write_info(root, [30, 10, 20])
    path = root / circo.annotation_files(split)["captions"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records))


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in record(1).items() if name != key}


WRONG: dict[str, tuple[object, str]] = {
    "no id": (without("id"), r"val\.json: record 2: lacks the key 'id'"),
    "no reference": (without("reference_img_id"), "query 1: lacks the key 'reference_img_id'"),
    "no caption": (without("relative_caption"), "query 1: lacks the key 'relative_caption'"),
    "no target": (without("target_img_id"), "query 1: lacks the key 'target_img_id'"),
    "no ground truths": (without("gt_img_ids"), "query 1: lacks the key 'gt_img_ids'"),
    "no aspects": (without("semantic_aspects"), "query 1: lacks the key 'semantic_aspects'"),
    "an id twice": (record(0), "query 0: stands at place 1 of the list"),
    "an id as text": (record(1, id="1"), "record 2: id must be of type int"),
    "a truth value as id": (record(1, id=True), "record 2: id must be of type int"),
    "a caption that is a list": (record(1, relative_caption=["a"]), "relative_caption must be of type str"),
    "half a letter": (record(1, relative_caption="\ud83d"), "half of a surrogate pair"),
    "a reference elsewhere": (record(1, reference_img_id=99), "its reference 99 is not among the images"),
    "a ground truth elsewhere": (record(1, gt_img_ids=[20, 99]), "its ground truth 99 is not among the images"),
    "another first ground truth": (record(1, gt_img_ids=[30, 20]), "must begin with the target 20"),
    "an empty list of ground truths": (record(1, gt_img_ids=[]), "must begin with the target 20"),
    "a ground truth twice": (record(1, gt_img_ids=[20, 30, 30]), "name none twice"),
    "the reference as ground truth": (record(1, gt_img_ids=[20, 10]), "its reference 10 is among its ground truths"),
    "an unknown aspect": (record(1, semantic_aspects=["mood"]), "no semantic aspect is called mood"),
    "no record": ([], r"record 2: expected a dictionary, found \[\]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_record_is_refused_with_its_file_and_query(tmp_path: Path, name: str):
    entry, message = WRONG[name]
    write(tmp_path, [record(0), entry])
    with pytest.raises(CirqueError, match=message):
        circo.queries(tmp_path, "val")


def test_a_caption_is_kept_to_the_letter_and_the_gallery_in_the_order_of_the_info_file(tmp_path: Path):
    write(tmp_path, [record(0)])
    (query,) = circo.queries(tmp_path, "val")
    assert query["captions"] == ["has two 🐕 and a 'quote', no $"]
    assert circo.images(tmp_path, "val") == circo.images(tmp_path, "test") == circo.images(tmp_path, "unlabeled")
    assert circo.images(tmp_path, "unlabeled")[0] == (
        "30",
        "CIRCO/COCO2017_unlabeled/unlabeled2017/000000000030.jpg",
    )


@pytest.mark.parametrize("content", [{}, [], "text"])
def test_an_empty_or_other_annotation_file_is_refused(tmp_path: Path, content: object):
    write(tmp_path, content)
    with pytest.raises(CirqueError, match=r"val\.json: expected a list with at least one record"):
        circo.queries(tmp_path, "val")


def image(**changes: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"} | changes]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a dictionary with a list `images`"),
        ({"images": []}, "expected a dictionary with a list `images`"),
        (image(id=1)(), "image 1 occurs twice"),
        (image(file_name="1.jpg")(), r"file .*1\.jpg occurs twice"),
        (image(file_name="../2.jpg")(), "image 2: '../2.jpg' is no plain file name"),
        (image(file_name="")(), "image 2: '' is no plain file name"),
        (image(id="2")(), "image 2: id must be of type int"),
    ],
)
def test_a_wrong_info_file_is_refused(tmp_path: Path, content: object, message: str):
    path = tmp_path / circo.annotation_files("unlabeled")["split"]
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    with pytest.raises(CirqueError, match=message):
        circo.images(tmp_path, "unlabeled")


def test_unknown_splits_are_refused_with_the_known_ones(tmp_path: Path):
    with pytest.raises(CirqueError, match="no split is called 'train'; there are val, test and unlabeled"):
        circo.annotation_files("train")
    with pytest.raises(CirqueError, match="'unlabeled' has no queries; val and test have"):
        circo.queries(tmp_path, "unlabeled")


# ---- answers and captions of generated data ------------------------------------------------------------------------


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    write(tmp_path, [{key: record(0)[key] for key in ("id", "reference_img_id", "relative_caption")}], "test")
    keys = ("target_img_id", "gt_img_ids", "semantic_aspects")
    (tmp_path / "answers.json").write_text(json.dumps({"0": {key: record(0)[key] for key in keys}}))
    (tmp_path / "captions.json").write_text(json.dumps({"test-0": "a red star", "val-0": "a blue star"}))
    return tmp_path


def test_answers_and_full_captions_fill_a_hidden_split(hidden: Path):
    (query,) = circo.queries(hidden, "test", hidden / "answers.json", hidden / "captions.json")
    assert (query["target_ids"], query["tags"], query["full_caption"]) == (["20", "30"], ["negation"], "a red star")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({}, r"answers\.json: lacks 1 of 1 queries \(0\)"),
        ({"0": {}, "1": {}}, r"has 1 that the split has not \(1\)"),
        ({"0": {}}, r"answers\.json: query 0: lacks the key 'target_img_id'"),
        ({"0": [20]}, "expected a dictionary of query id to dict"),
    ],
)
def test_wrong_answers_are_refused(hidden: Path, answers: object, message: str):
    (hidden / "answers.json").write_text(json.dumps(answers))
    with pytest.raises(CirqueError, match=message):
        circo.queries(hidden, "test", hidden / "answers.json")


def test_a_query_without_its_full_caption_is_refused(hidden: Path):
    (hidden / "captions.json").write_text(json.dumps({"val-0": "a"}))
    with pytest.raises(CirqueError, match=r"captions\.json: lacks 1 of 1 queries \(test-0\)"):
        circo.queries(hidden, "test", hidden / "answers.json", hidden / "captions.json")
