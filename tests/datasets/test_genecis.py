import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cirque.data import images as pixels
from cirque.datasets import genecis
from cirque.errors import CirqueError
from cirque.store import schemas

CROPPED, WHOLE = genecis.TASKS[:2], genecis.TASKS[2:]

# ---- the real files ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official(annotations: Path) -> dict[str, list[dict[str, Any]]]:
    """The queries of each task."""
    rows = genecis.queries(annotations, "v0")
    return {task: [row for row in rows if row["group"] == task] for task in genecis.TASKS}


def shown(rows: list[dict[str, Any]]) -> set[str]:
    return {name for row in rows for name in (row["reference_id"], *row["candidate_ids"])}


def count(rows: list[dict[str, Any]], defect: Callable[[dict[str, Any]], bool]) -> int:
    return sum(defect(row) for row in rows)


@pytest.mark.parametrize(
    ("task", "n_queries", "n_candidates", "n_files", "n_pictures", "n_references", "n_conditions"),
    [
        ("focus_attribute", 2000, 10, 13_348, 15_773, 1905, 40),
        ("change_attribute", 2112, 15, 15_058, 18_212, 1845, 400),
        ("focus_object", 1960, 15, 2198, 2198, 218, 97),
        ("change_object", 1960, 15, 2739, 2739, 218, 109),
    ],
)
def test_the_official_files_parse_with_the_published_counts(
    official: dict[str, list[dict[str, Any]]],
    task: str,
    n_queries: int,
    n_candidates: int,
    n_files: int,
    n_pictures: int,
    n_references: int,
    n_conditions: int,
):
    rows = official[task]
    assert len(rows) == n_queries
    assert {len(row["candidate_ids"]) for row in rows} == {n_candidates}
    assert len(shown(rows)) == n_pictures
    assert len({name.partition("@")[0] for name in shown(rows)}) == n_files
    assert len({row["reference_id"] for row in rows}) == n_references
    assert len({row["captions"][0] for row in rows}) == n_conditions
    assert [row["query_id"] for row in rows] == [f"{task}-{index}" for index in range(n_queries)]


@pytest.mark.parametrize(
    ("task", "n_repeated", "n_target", "n_reference"),
    [
        ("focus_attribute", 6, 1, 0),
        ("change_attribute", 5, 0, 79),
        ("focus_object", 0, 0, 0),
        ("change_object", 0, 1, 0),
    ],
)
def test_the_defects_of_the_official_files_are_kept(
    official: dict[str, list[dict[str, Any]]], task: str, n_repeated: int, n_target: int, n_reference: int
):
    rows = official[task]
    distractors = {row["query_id"]: row["candidate_ids"][1:] for row in rows}
    assert count(rows, lambda row: len(set(distractors[row["query_id"]])) < len(distractors[row["query_id"]])) == (
        n_repeated
    )
    assert count(rows, lambda row: row["target_ids"][0] in distractors[row["query_id"]]) == n_target
    assert count(rows, lambda row: row["reference_id"] in distractors[row["query_id"]]) == n_reference


def test_the_query_whose_target_is_a_distractor_asks_for_a_toaster(official: dict[str, list[dict[str, Any]]]):
    (row,) = [row for row in official["change_object"] if row["target_ids"][0] in row["candidate_ids"][1:]]
    assert (row["query_id"], row["captions"]) == ("change_object-19", ["toaster"])


def test_images_are_all_pictures_in_order_of_first_appearance(
    annotations: Path, official: dict[str, list[dict[str, Any]]]
):
    images = genecis.images(annotations, "v0")
    names = [name for name, _ in images]
    rows = [row for task in genecis.TASKS for row in official[task]]
    assert names == list(dict.fromkeys(n for row in rows for n in (row["reference_id"], *row["candidate_ids"])))
    assert len(names) == 34_083
    assert Counter(path.rpartition("/")[0] for path in {path for _, path in images}) == {
        "VG_100K_all": 23_640,
        "COCO2017/val2017": 3033,
    }
    assert images[0] == ("2316576@72,101,56,69", "VG_100K_all/2316576.jpg")
    assert images[-1] == ("000000555972", "COCO2017/val2017/000000555972.jpg")


def test_the_gallery_of_a_task_is_its_candidates_without_the_references(
    annotations: Path, official: dict[str, list[dict[str, Any]]]
):
    gallery = genecis.gallery(annotations, "v0")
    assert Counter(task for _, task in gallery) == {
        "focus_attribute": 14_228,
        "change_attribute": 16_949,
        "focus_object": 2192,
        "change_object": 2734,
    }
    assert gallery == list(
        dict.fromkeys((name, task) for task in genecis.TASKS for row in official[task] for name in row["candidate_ids"])
    )


def test_official_queries_are_read_to_the_letter(official: dict[str, list[dict[str, Any]]]):
    query = official["focus_attribute"][0]
    assert query["candidate_ids"][6] == "2324487@468.3333333333333,0,31.833333333333314,106.83333333333333"
    assert {key: value for key, value in query.items() if key != "candidate_ids"} == {
        "query_id": "focus_attribute-0",
        "reference_id": "2316576@72,101,56,69",
        "captions": ["color"],
        "target_ids": ["2366087@379,83,52,20"],
        "subset_ids": None,
        "group": "focus_attribute",
        "tags": [],
        "full_caption": None,
    }
    query = official["change_object"][0]
    assert (query["reference_id"], query["captions"]) == ("000000189213", ["wall"])


def test_official_queries_fit_their_schema(official: dict[str, list[dict[str, Any]]]):
    rows = [row for task in genecis.TASKS for row in official[task]]
    assert len(pa.Table.from_pylist(rows, schema=schemas.QUERIES)) == 8032


def test_the_released_evaluator_says_zero_to_the_object_tasks(
    annotations: Path, official: dict[str, list[dict[str, Any]]]
):
    released = genecis.queries(annotations, "v0", protocol="released")
    for row in released:
        number = int(row["query_id"].rpartition("-")[2])
        intended = official[row["group"]][number]
        assert row == (intended if row["group"] in CROPPED else intended | {"captions": ["0"]})


# ---- small files and what can be wrong with them -------------------------------------------------------------------


def picture(task: str, number: int) -> dict[str, Any]:
    if task in CROPPED:
        return {"image_id": str(number), "instance_bbox": [number, 0.0, 12.5, 20]}
    return {"val_image_id": number}


def record(task: str, first: int) -> dict[str, Any]:
    return {
        "condition": f"like {first}",
        "gallery": [picture(task, first + 2 + i) for i in range(genecis.N_DISTRACTORS[task])],
        "reference": picture(task, first),
        "target": picture(task, first + 1),
    }


class Files:
    """Small files on disk, in the official layout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = {role: root / path for role, path in genecis.annotation_files("v0").items()}
        self.records: dict[str, Any] = {task: [record(task, 0), record(task, 30)] for task in genecis.TASKS}

    def write(self) -> None:
        for task, content in self.records.items():
            path = self.paths[f"split_{task}"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))


@pytest.fixture
def small(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_repeated_candidates_stay_in_their_places(small: Files):
    item = small.records["change_object"][0]
    item["gallery"][3] = item["gallery"][1] = item["target"]
    small.write()
    row = next(r for r in genecis.queries(small.root, "v0") if r["query_id"] == "change_object-0")
    assert [row["candidate_ids"].index(name) for name in row["candidate_ids"]] == [0, 1, 0, 3, 0, *range(5, 15)]
    gallery = genecis.gallery(small.root, "v0")
    assert len(set(gallery)) == len(gallery) == 2 * (10 + 15 + 15 + 15) - 2
    assert ("000000000000", "change_object") not in gallery


def test_an_image_of_several_tasks_comes_once_but_is_in_each_gallery(small: Files):
    small.write()
    names = [name for name, _ in genecis.images(small.root, "v0")]
    assert len(names) == len(set(names)) == 2 * 16 + 2 * 16
    assert [task for name, task in genecis.gallery(small.root, "v0") if name == "000000000001"] == list(WHOLE)
    assert names[:2] == ["0@0,0,12.5,20", "1@1,0,12.5,20"]


def test_both_protocols_have_the_same_candidates(small: Files):
    small.write()
    assert genecis.gallery(small.root, "v0", "released") == genecis.gallery(small.root, "v0", "intended")


def test_the_released_protocol_takes_the_conditions_of_the_object_tasks_only(small: Files):
    small.write()
    captions = [row["captions"] for row in genecis.queries(small.root, "v0", protocol="released")]
    assert captions == [["like 0"], ["like 30"]] * 2 + [["0"]] * 4
    captions = [row["captions"] for row in genecis.queries(small.root, "v0")]
    assert captions == [["like 0"], ["like 30"]] * 4


def test_a_whole_number_is_written_alike_with_and_without_its_point(small: Files):
    item = small.records["focus_attribute"][0]
    item["gallery"][0]["instance_bbox"] = [3.0, -0.0, 1e-05, 0.1 + 0.2]
    item["gallery"][1] = item["target"] | {"instance_bbox": [1.0, 0, 12.5, 20.0]}
    small.write()
    row = genecis.queries(small.root, "v0")[0]
    assert row["candidate_ids"][1] == "2@3,0,1e-05,0.30000000000000004"
    assert row["candidate_ids"][2] == row["target_ids"][0] == "1@1,0,12.5,20"


def test_odd_conditions_are_kept_to_the_letter(small: Files):
    small.records["focus_object"][0]["condition"] = " a  \u00e9 \U0001f600, $\n"
    small.write()
    assert [" a  \u00e9 \U0001f600, $\n"] in [row["captions"] for row in genecis.queries(small.root, "v0")]


def drop(*keys: str | int) -> Callable[[Any], None]:
    def change(item: Any) -> None:
        for key in keys[:-1]:
            item = item[key]
        del item[keys[-1]]

    return change


def put(value: Any, *keys: str | int) -> Callable[[Any], None]:
    def change(item: Any) -> None:
        for key in keys[:-1]:
            item = item[key]
        item[keys[-1]] = value

    return change


BOX = "instance_bbox must be 4 finite numbers, found"

WRONG = {
    "no condition": (drop("condition"), "record 2: lacks the key 'condition'; get the official file again"),
    "no reference": (drop("reference"), "record 2: lacks the key 'reference'"),
    "no target": (drop("target"), "record 2: lacks the key 'target'"),
    "no gallery": (drop("gallery"), "record 2: lacks the key 'gallery'"),
    "condition a number": (put(3, "condition"), "record 2: condition must be of type str, found 3"),
    "condition empty": (put("", "condition"), "record 2: its condition is empty; get the official file again"),
    "condition blank": (put(" \n", "condition"), "record 2: its condition is empty"),
    "half a surrogate pair": (put("\ud800", "condition"), "condition holds half of a surrogate pair"),
    "reference a list": (put([], "reference"), r"record 2: reference must be of type dict, found \[\]"),
    "target null": (put(None, "target"), "record 2: target must be of type dict, found None"),
    "gallery a dictionary": (put({}, "gallery"), "record 2: gallery must be of type list"),
    "a distractor too few": (drop("gallery", 0), "record 2: gallery must be .* distractors, found"),
    "no distractors": (put([], "gallery"), "record 2: gallery must be .* distractors, found 0; get the official"),
    "a distractor a number": (put(7, "gallery", 4), "record 2: distractor 5: expected a dictionary, found 7"),
}

WRONG_CROPS = {
    "no image id": (drop("target", "image_id"), "record 2: target: lacks the key 'image_id'"),
    "no box": (drop("reference", "instance_bbox"), "record 2: reference: lacks the key 'instance_bbox'"),
    "image id a number": (put(7, "target", "image_id"), "target: image_id must be of type str, found 7"),
    "image id with a path": (put("../7", "target", "image_id"), r"target: image_id '\.\./7' is not 1 to 12 digits"),
    "image id with an ending": (put("7.jpg", "target", "image_id"), r"image_id '7\.jpg' is not 1 to 12 digits"),
    "image id with a line end": (put("7\n", "target", "image_id"), r"image_id '7\\n' is not 1 to 12 digits"),
    "image id of other digits": (put("\u0663", "target", "image_id"), "image_id .* is not 1 to 12 digits"),
    "image id empty": (put("", "target", "image_id"), "image_id '' is not 1 to 12 digits"),
    "box a string": (put("1,2,3,4", "target", "instance_bbox"), "target: instance_bbox must be of type list"),
    "three numbers": (put([1, 2, 3], "gallery", 2, "instance_bbox"), rf"distractor 3: {BOX} \[1, 2, 3\]"),
    "five numbers": (put([1, 2, 3, 4, 5], "target", "instance_bbox"), BOX),
    "a number a string": (put([1, "2", 3, 4], "target", "instance_bbox"), BOX),
    "a number a truth value": (put([1, True, 3, 4], "target", "instance_bbox"), BOX),
    "a number null": (put([1, None, 3, 4], "target", "instance_bbox"), BOX),
    "no number": (put([1, float("nan"), 3, 4], "target", "instance_bbox"), rf"{BOX} \[1, nan, 3, 4\]"),
    "infinite": (put([1, 2, float("inf"), 4], "target", "instance_bbox"), BOX),
    "giant": (put([1, 2, 10**400, 4], "target", "instance_bbox"), BOX),
    "no width": (put([1, 2, 0, 4], "target", "instance_bbox"), "must have a positive width and height; get"),
    "negative height": (put([1, 2, 3, -4.5], "target", "instance_bbox"), "must have a positive width and height"),
    "target is the reference": (put(picture("focus_attribute", 30), "target"), "target 30@30,.* is its reference too"),
}

WRONG_WHOLE = {
    "no image id": (drop("target", "val_image_id"), "record 2: target: lacks the key 'val_image_id'"),
    "image id a string": (put("7", "target", "val_image_id"), "target: val_image_id must be of type int, found '7'"),
    "image id a fraction": (put(7.0, "target", "val_image_id"), "target: val_image_id must be of type int"),
    "image id a truth value": (put(True, "target", "val_image_id"), "target: val_image_id must be of type int"),
    "image id negative": (put(-7, "gallery", 0, "val_image_id"), "distractor 1: val_image_id -7 is none of COCO's"),
    "image id too large": (put(10**12, "target", "val_image_id"), "val_image_id 1000000000000 is none of COCO's"),
    "target is the reference": (put(picture("focus_object", 30), "target"), "target 000000000030 is its reference too"),
}

CASES = [
    *((task, *case) for task in genecis.TASKS for case in WRONG.values()),
    *((task, *case) for task in CROPPED for case in WRONG_CROPS.values()),
    *((task, *case) for task in WHOLE for case in WRONG_WHOLE.values()),
]


@pytest.mark.parametrize("read", [genecis.images, genecis.gallery, genecis.queries])
@pytest.mark.parametrize(("task", "change", "message"), CASES)
def test_a_wrong_record_is_refused_with_its_file_and_place(
    small: Files, task: str, change: Callable[[Any], None], message: str, read: Callable[[Path, str], Any]
):
    change(small.records[task][1])
    small.write()
    with pytest.raises(CirqueError, match=rf"{task}\.json: record 2: ?.*{message.removeprefix('record 2: ')}"):
        read(small.root, "v0")


@pytest.mark.parametrize("content", [[], {"0": record("focus_object", 0)}, None, "x"])
def test_a_file_that_is_no_list_of_records_is_refused(small: Files, content: Any):
    small.records["focus_object"] = content
    small.write()
    with pytest.raises(CirqueError, match=r"focus_object\.json: expected a list with at least one record; get the"):
        genecis.queries(small.root, "v0")


def test_a_record_that_is_none_is_refused(small: Files):
    small.records["focus_object"][1] = []
    small.write()
    with pytest.raises(CirqueError, match=r"focus_object\.json: record 2: expected a dictionary, found \[\]"):
        genecis.queries(small.root, "v0")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"broken JSON at line 1, column 1"),
        (b'[{"condition": "wa', r"broken JSON at line 1"),
        ('[{"condition": "\u00e9"}]'.encode("latin-1"), r"is not UTF-8; save the file as UTF-8"),
        (b'[{"condition": "a", "condition": "b"}]', r"the key 'condition' occurs twice"),
    ],
)
def test_a_file_that_is_no_whole_json_is_refused_with_its_place(small: Files, content: bytes, message: str):
    small.write()
    small.paths["split_change_attribute"].write_bytes(content)
    with pytest.raises(CirqueError, match=rf"change_attribute\.json: .*{message}"):
        genecis.queries(small.root, "v0")


@pytest.mark.parametrize("role", genecis.annotation_files("v0"))
def test_a_missing_file_is_named(small: Files, role: str):
    small.write()
    small.paths[role].unlink()
    with pytest.raises(CirqueError, match=rf"{small.paths[role].name}: no such file"):
        genecis.queries(small.root, "v0")


def test_an_unknown_split_or_protocol_is_refused_with_the_known_ones(small: Files):
    small.write()
    for ask in (genecis.annotation_files, genecis.image_folders):
        with pytest.raises(CirqueError, match="GeneCIS: no split is called 'val'; there is v0"):
            ask("val")
    for read in (genecis.gallery, genecis.queries):
        with pytest.raises(CirqueError, match="GeneCIS: no protocol is called 'paper'; there are intended, released"):
            read(small.root, "v0", protocol="paper")


def test_there_is_a_file_a_task_and_two_folders():
    assert genecis.annotation_files("v0") == {
        "split_focus_attribute": "genecis/focus_attribute.json",
        "split_change_attribute": "genecis/change_attribute.json",
        "split_focus_object": "genecis/focus_object.json",
        "split_change_object": "genecis/change_object.json",
    }
    assert genecis.image_folders("v0") == ("VG_100K_all", "COCO2017/val2017")


# ---- answers and captions of the whole target ----------------------------------------------------------------------


def side_file(small: Files, content: Any) -> Path:
    path = small.root / "side.json"
    path.write_text(json.dumps(content))
    return path


def test_full_captions_are_taken_by_query(small: Files):
    small.write()
    captions = {f"{task}-{index}": f"a photo of {task} {index}" for task in genecis.TASKS for index in range(2)}
    rows = genecis.queries(small.root, "v0", full_captions=side_file(small, captions))
    assert {row["query_id"]: row["full_caption"] for row in rows} == captions
    del captions["focus_object-1"]
    with pytest.raises(CirqueError, match=r"side\.json: lacks 1 of 8 queries \(focus_object-1\)"):
        genecis.queries(small.root, "v0", full_captions=side_file(small, captions))


def test_answers_are_refused_for_nothing_is_hidden(small: Files):
    small.write()
    with pytest.raises(CirqueError, match=r"side\.json: GeneCIS tells its own targets; leave the answers out"):
        genecis.queries(small.root, "v0", side_file(small, {}))


# ---- pixels --------------------------------------------------------------------------------------------------------


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture of which no two regions are alike and no pixel is black."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(0).integers(1, 256, (height, width, bands), dtype=np.uint8)
    return Image.frombytes(mode, (width, height), values.tobytes())


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def derived(name: str, image: Image.Image, kind: str = "PNG") -> Image.Image:
    result = Image.open(io.BytesIO(genecis.derive(name, encoded(image, kind))))
    assert result.format == "PNG"
    return result


def region(image: Image.Image, left: int, top: int, right: int, bottom: int) -> list[list[Any]]:
    return np.asarray(image)[top:bottom, left:right].tolist()


def test_a_whole_image_keeps_its_bytes():
    assert genecis.derive("000000189213", b"any bytes") == b"any bytes"


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((100, 80, 20, 40), (86, 52, 120, 120)),  # it grows to the left and the top only
        ((3, 80, 20, 40), (0, 52, 34, 120)),  # stopped at the left edge, it goes on to the right
        ((0, 0, 20, 40), (0, 0, 34, 68)),
        ((180, 130, 20, 20), (166, 116, 200, 150)),
        ((190, 80, 20, 40), (176, 52, 200, 120)),  # cut by the right edge
        ((0, 0, 200, 150), (0, 0, 200, 150)),
        ((-0.8333333333333334, 10, 20, 20), (0, 0, 34, 34)),
        ((10.5, 10, 10, 10), (4, 3, 20, 20)),  # 3.5 and 20.5 are both rounded to the even number
        ((11.5, 10, 10, 10), (4, 3, 22, 20)),
    ],
)
def test_the_crop_of_a_box_is_that_of_the_official_code(box: tuple[float, ...], window: tuple[int, int, int, int]):
    assert genecis.window(box, 200, 150) == window


def test_a_wide_crop_is_padded_above_and_below_with_black():
    image = noise(60, 40)
    square = derived("5@20,20,10,5", image)  # 13…30 and 16.5…25, which Pillow rounds to 16…25
    assert (square.mode, square.size) == ("RGB", (17, 17))
    assert region(square, 0, 4, 17, 13) == region(image, 13, 16, 30, 25)
    assert not np.asarray(square)[:4].any()
    assert not np.asarray(square)[13:].any()


@pytest.mark.parametrize(
    ("box", "left", "top", "window"),
    [
        ("20,20,5,10", 4, 0, (16, 13, 25, 30)),
        ("0,0,10,20", 8, 0, (0, 0, 17, 34)),
        ("0,0,20,10", 0, 8, (0, 0, 34, 17)),
    ],
)
def test_of_an_odd_border_the_larger_half_is_at_the_right_or_below(
    box: str, left: int, top: int, window: tuple[int, int, int, int]
):
    image = noise(60, 40)
    square = derived(f"5@{box}", image)
    width, height = window[2] - window[0], window[3] - window[1]
    assert square.size == (max(width, height),) * 2
    assert region(square, left, top, left + width, top + height) == region(image, *window)
    assert np.count_nonzero(square) == 3 * width * height


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_crop_keeps_the_mode_of_its_file(mode: str):
    image = noise(60, 40, mode)
    square = derived("5@20,20,10,5", image)
    assert square.mode == mode
    assert region(square, 0, 4, 17, 13) == region(image, 13, 16, 30, 25)
    assert square.convert("RGB").getpixel((0, 0)) == (0, 0, 0)


def test_a_printers_picture_is_turned_into_rgb_and_padded_with_black():
    image = noise(60, 40, "CMYK")
    square = derived("5@20,20,10,5", image, "TIFF")
    assert square.mode == "RGB"
    assert region(square, 0, 4, 17, 13) == region(image.convert("RGB"), 13, 16, 30, 25)
    assert square.getpixel((0, 0)) == (0, 0, 0)


def test_a_palette_is_looked_up_before_the_padding():
    image = noise(60, 40).quantize(8)
    square = derived("5@20,20,10,5", image)
    assert region(square, 0, 4, 17, 13) == region(image.convert("RGB"), 13, 16, 30, 25)
    assert square.getpixel((0, 0)) == (0, 0, 0)


def test_a_crop_has_the_same_bytes_when_made_again_and_nothing_else_of_its_file():
    image = noise(60, 40)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(buffer, "JPEG", quality=95, exif=exif, icc_profile=b"x" * 200, comment=b"hello")
    name = "5@20.25,20,10,5"
    first = genecis.derive(name, buffer.getvalue())
    assert first == genecis.derive(name, buffer.getvalue())
    crop = Image.open(io.BytesIO(first))
    assert crop.info == {}
    assert not crop.getexif()
    assert crop.size == (17, 17)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("5@60,10,5,5", "a box from 60 to 65 lies outside the picture, whose width is 60"),
        ("5@10,40.5,5,5", r"a box from 40\.5 to 45\.5 lies outside the picture, whose height is 40"),
        ("5@-9,10,9,5", "a box from -9 to 0 lies outside the picture"),
        ("5@1,-9,9,5", "a box from -9 to -4 lies outside the picture"),
        ("5@1,1,0,5", "a box of width 0"),
        ("5@1,1,5,-2.5", r"a box of height -2\.5"),
        ("5@10,10,0.1,5", "the box 10, 10, 0.1, 5 gives a crop of 0 x 9 pixels"),
    ],
)
def test_a_box_that_holds_nothing_of_the_picture_is_a_bad_image(name: str, reason: str):
    with pytest.raises(pixels.BadImage, match=reason):
        genecis.derive(name, encoded(noise(60, 40)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html>not found</html>", "not an image"),
        (encoded(noise(60, 40))[:900], "cannot be decoded"),
        (encoded(Image.new("F", (60, 40)), "TIFF"), "float pixels"),
    ],
)
def test_a_file_that_gives_no_pixels_is_a_bad_image(data: bytes, reason: str):
    with pytest.raises(pixels.BadImage, match=reason):
        genecis.derive("5@1,1,5,5", data)


def test_a_mode_without_rgb_is_a_bad_image(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(genecis, "decode", lambda data: Image.new("La", (60, 40)))
    with pytest.raises(pixels.BadImage, match="mode La has no way to RGB"):
        genecis.derive("5@1,1,5,5", b"")


def test_a_crop_whose_square_would_be_a_giant_is_a_bad_image():
    with pytest.raises(pixels.BadImage, match="a crop of 20000 x 1 pixels, made a square, exceeds"):
        genecis.derive("5@0,0,20000,1", encoded(Image.new("L", (20_000, 1))))


@pytest.mark.parametrize("name", ["5@1,2,3", "5@1,2,3,4,5", "5@1,2,3,x", "5@1,2,3,e", "../5", "5.jpg", "", "5@", "5\n"])
def test_a_name_of_no_picture_is_refused(name: str):
    with pytest.raises(CirqueError, match=r"GeneCIS: .* names neither a whole image nor a crop"):
        genecis.derive(name, b"")
