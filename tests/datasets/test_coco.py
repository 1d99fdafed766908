import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from cirque.data.images import BadImage
from cirque.datasets import coco
from cirque.errors import CirqueError
from cirque.store import schemas

HEADER = "id,query_regions,query_class,classes\n"
ROWS = [
    "000000000139.jpg,1.5;2.0;77.25;60.9 ,cat,dining table;potted plant",
    "000000000285.jpg,0.0;0.0;20.0;20.0 ,bear,",
]


def write(root: Path, rows: list[str] = ROWS, header: str = HEADER) -> Path:
    path = root / coco.annotation_files("val2017")["split"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return root


# ---- queries and images --------------------------------------------------------------------------------------------


def test_a_caption_names_the_own_class_first_and_ends_in_and_without_others(tmp_path: Path):
    rows = coco.queries(write(tmp_path), "val2017")
    assert [row["captions"] for row in rows] == [["cat and dining table and potted plant"], ["bear and "]]


def test_a_region_asks_for_its_whole_photograph(tmp_path: Path):
    rows = coco.queries(write(tmp_path), "val2017")
    assert [(row["query_id"], row["reference_id"], row["target_ids"], row["group"]) for row in rows] == [
        ("000000000139", "000000000139@1.5,2,77.25,60.9", ["000000000139"], ""),
        ("000000000285", "000000000285@0,0,20,20", ["000000000285"], ""),
    ]
    assert len(pa.Table.from_pylist(rows, schema=schemas.QUERIES)) == 2


def test_images_are_the_photographs_and_then_the_regions_of_their_masked_copies(tmp_path: Path):
    assert coco.images(write(tmp_path), "val2017") == [
        ("000000000139", "coco/val2017/000000000139.jpg"),
        ("000000000285", "coco/val2017/000000000285.jpg"),
        ("000000000139@1.5,2,77.25,60.9", "coco/val2017_masked/000000000139.jpg"),
        ("000000000285@0,0,20,20", "coco/val2017_masked/000000000285.jpg"),
    ]


def test_only_whole_photographs_are_candidates(tmp_path: Path):
    assert coco.gallery(write(tmp_path), "val2017") == [("000000000139", ""), ("000000000285", "")]


def test_a_quoted_class_is_read_as_csv(tmp_path: Path):
    write(tmp_path, ['000000000139.jpg,0;0;1;1 ,"cat, big","a ""dog"";bird"'])
    assert coco.queries(tmp_path, "val2017")[0]["captions"] == ['cat, big and a "dog" and bird']


WRONG = {
    "another file name": ("139.jpg,0;0;1;1 ,cat,dog", r"row 3: '139\.jpg' is no file name of twelve digits"),
    "a way out": ("../000000000139.jpg,0;0;1;1 ,cat,dog", "row 3: .* is no file name of twelve digits"),
    "another ending": ("000000000139.png,0;0;1;1 ,cat,dog", "row 3: .* is no file name of twelve digits"),
    "a row too short": ("000000000001.jpg,0;0;1;1 ,cat", "row 3: expected 4 values, found 3"),
    "a row too long": ("000000000001.jpg,0;0;1;1 ,cat,dog,bird", "row 3: expected 4 values, found 5"),
    "a box of three": ("000000000001.jpg,0;0;1 ,cat,dog", r"row 3 \(000000000001\.jpg\): expected one region x1;y1;x2"),
    "two boxes": ("000000000001.jpg,0;0;1;1 0;0;2;2 ,cat,dog", "row 3 .*: expected one region"),
    "a box of words": ("000000000001.jpg,0;0;1;x ,cat,dog", "row 3 .*: expected one region"),
    "an infinite box": ("000000000001.jpg,0;0;1;inf ,cat,dog", "row 3 .*: the region '0;0;1;inf ' is not finite"),
    "a box of NaN": ("000000000001.jpg,0;0;1;nan ,cat,dog", "is not finite"),
    "no class": ("000000000001.jpg,0;0;1;1 ,,dog", "row 3 .*: a class has no name"),
    "an empty other class": ("000000000001.jpg,0;0;1;1 ,cat,dog;", "row 3 .*: a class has no name"),
    "a photograph twice": (ROWS[0], "image 000000000139 occurs twice"),
    "an open quote": ('000000000001.jpg,"0;0;1;1 ,cat,dog', "broken CSV"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_row_is_refused_with_its_number(tmp_path: Path, name: str):
    row, message = WRONG[name]
    write(tmp_path, [*ROWS, row])
    for read in (coco.queries, coco.images, coco.gallery):
        with pytest.raises(CirqueError, match=rf"coco_eval\.csv: .*{message}"):
            read(tmp_path, "val2017")


@pytest.mark.parametrize(("header", "rows"), [("", ROWS), ("id,regions\n", ROWS), (HEADER, []), ("", [])])
def test_a_file_without_header_or_rows_is_refused(tmp_path: Path, header: str, rows: list[str]):
    write(tmp_path, rows, header)
    with pytest.raises(CirqueError, match=r"coco_eval\.csv: expected the header id,query_regions"):
        coco.images(tmp_path, "val2017")


def test_a_file_that_is_missing_or_not_utf_8_is_named(tmp_path: Path):
    with pytest.raises(CirqueError, match=r"coco_eval\.csv: no such file; `cirque prepare_coco` writes it"):
        coco.images(tmp_path, "val2017")
    (write(tmp_path) / "coco/coco_eval.csv").write_bytes(HEADER.encode() + b"\xe9")
    with pytest.raises(CirqueError, match=r"coco_eval\.csv: byte 37 is not UTF-8"):
        coco.images(tmp_path, "val2017")


def test_full_captions_are_taken_by_query(tmp_path: Path):
    write(tmp_path)
    side = tmp_path / "captions.json"
    side.write_text(json.dumps({"000000000139": "a cat", "000000000285": "a bear"}))
    assert [row["full_caption"] for row in coco.queries(tmp_path, "val2017", full_captions=side)] == ["a cat", "a bear"]
    side.write_text(json.dumps({"000000000139": "a cat"}))
    with pytest.raises(CirqueError, match=r"captions\.json: lacks 1 of 2 queries \(000000000285\)"):
        coco.queries(tmp_path, "val2017", full_captions=side)


def test_answers_and_unknown_splits_are_refused(tmp_path: Path):
    with pytest.raises(CirqueError, match="COCO tells its own targets"):
        coco.queries(write(tmp_path), "val2017", tmp_path / "answers.json")
    for read in (coco.annotation_files, coco.image_folders):
        with pytest.raises(CirqueError, match="no split is called 'val'; there is val2017"):
            read("val")


# ---- regions -------------------------------------------------------------------------------------------------------


def file_of(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def noise(mode: str, width: int, height: int) -> Image.Image:
    bands = (3,) if mode == "RGB" else ()
    values = np.random.default_rng(0).integers(0, 256, (height, width, *bands), dtype=np.uint8)
    return Image.fromarray(values)


def test_a_whole_photograph_keeps_its_bytes():
    assert coco.derive("000000000139", b"any bytes") == b"any bytes"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_region_is_cut_to_whole_pixels_and_squashed_into_a_square(mode: str):
    picture = noise(mode, 90, 60)
    derived = Image.open(io.BytesIO(coco.derive("000000000139@1.9,2,77.99,50.5", file_of(picture))))
    expected = picture.crop((1, 2, 77, 50)).resize((224, 224), Image.Resampling.BICUBIC).convert("RGB")
    assert (derived.format, derived.mode) == ("PNG", "RGB")
    assert derived.tobytes() == expected.tobytes()


def test_a_region_made_again_has_the_same_bytes():
    data = file_of(noise("RGB", 90, 60))
    assert coco.derive("000000000139@1,2,70,50", data) == coco.derive("000000000139@1,2,70,50", data)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("10.2,5,10.9,20", "holds no whole pixel"),
        ("10,5,20,5.9", "holds no whole pixel"),
        ("20,5,10,9", "holds no whole pixel"),
        ("0,0,92,60", "leaves the picture of 90 x 60 pixels"),
        ("0,0,90,62", "leaves the picture"),
        ("-1,0,90,60", "leaves the picture"),
    ],
)
def test_a_region_without_pixels_or_outside_of_the_picture_is_bad(numbers: str, message: str):
    with pytest.raises(BadImage, match=message):
        coco.derive(f"000000000139@{numbers}", file_of(noise("RGB", 90, 60)))


def test_a_masked_file_that_cannot_be_decoded_is_bad():
    with pytest.raises(BadImage, match="not an image"):
        coco.derive("000000000139@0,0,5,5", b"no picture")


def test_corners_in_an_image_id_are_read_back_as_they_were():
    box = (0.1 + 0.2, 199.84, 277.71000000000004, 1e-05)
    assert tuple(float(number) for number in coco.region_id("x", box).partition("@")[2].split(",")) == box
