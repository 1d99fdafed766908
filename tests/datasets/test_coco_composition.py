import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cirque.datasets import coco
from cirque.datasets import coco_composition as composition
from cirque.datasets.coco_composition import Instance
from cirque.errors import CirqueError
from cirque.stages import prepare_coco

# ---- the draw ------------------------------------------------------------------------------------------------------

HEIGHT, WIDTH = 40, 50


def instance(label: str, width: float, height: float) -> Instance:
    return Instance((3.0, 4.0, width, height), label, [])


@pytest.mark.parametrize(
    ("width", "height", "is_one"),
    [(10, 10, True), (25, 40, False), (25, 39.99, True), (0.25, 0.2, False), (0.25, 0.21, True), (0, 30, False)],
)
def test_a_candidate_covers_more_than_a_speck_and_less_than_half(width: float, height: float, is_one: bool):
    assert composition.is_candidate((0.9, 0.9, width, height), HEIGHT, WIDTH) == is_one


def test_a_picture_without_a_candidate_draws_nothing():
    assert composition.draw_region(0, 1, [instance("cat", 50, 40)], HEIGHT, WIDTH) is None
    assert composition.draw_region(0, 1, [], HEIGHT, WIDTH) is None


def test_every_candidate_is_drawn_equally_often_and_no_other_instance():
    instances = [instance("cat", *size) for size in [(9, 9), (50, 40), (9, 9)] * 2]
    regions = [composition.draw_region(0, image, instances, HEIGHT, WIDTH) for image in range(2000)]
    places = Counter(
        next(i for i, one in enumerate(instances) if one is region.instance) for region in regions if region
    )
    assert set(places) == {0, 2, 3, 5}
    assert all(420 < count < 580 for count in places.values())


def test_a_draw_belongs_to_seed_and_image():
    instances = [instance(str(i), 9, 9) for i in range(50)]

    def labels(seed: int, images: range) -> dict[int, str]:
        return {i: composition.draw_region(seed, i, instances, HEIGHT, WIDTH).instance.label for i in images}  # type: ignore[union-attr]

    few, many = labels(0, range(20)), labels(0, range(39, -1, -1))
    assert few.items() <= many.items()
    assert few != labels(1, range(20))


def test_other_classes_come_by_first_appearance_without_the_query_s_own():
    instances = [instance(label, *size) for label, size in [("dog", (50, 40)), ("cat", (9, 9)), ("bus", (50, 40))] * 2]
    region = composition.draw_region(0, 7, instances, HEIGHT, WIDTH)
    assert region is not None
    assert (region.instance.label, region.others) == ("cat", ["dog", "bus"])
    assert region.corners() == (3, 4, 12, 13)


# ---- masks ---------------------------------------------------------------------------------------------------------


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.mark.parametrize("corners", [(3, 4, 20, 30), (0, 0, WIDTH, HEIGHT), (49, 39, 50, 40), (5, 5, 6, 6)])
def test_a_rectangle_of_whole_pixels_covers_just_these(corners: tuple[int, int, int, int]):
    left, top, right, bottom = corners
    polygon = [left, top, right, top, right, bottom, left, bottom]
    assert (composition.polygon_mask([polygon], HEIGHT, WIDTH) == rectangle(*corners)).all()


def test_a_pixel_belongs_to_a_polygon_that_covers_its_middle():
    mask = composition.polygon_mask([[2.6, 3.4, 9.6, 3.4, 9.6, 8.4, 2.6, 8.4]], HEIGHT, WIDTH)
    assert (mask == rectangle(3, 3, 10, 8)).all()


def test_polygons_are_united_also_where_they_overlap():
    one, other = ([a, a, a + 9, a, a + 9, a + 9, a, a + 9] for a in (2, 6))
    mask = composition.polygon_mask([one, other], HEIGHT, WIDTH)
    assert (mask == (rectangle(2, 2, 11, 11) | rectangle(6, 6, 15, 15))).all()


def test_a_triangle_covers_half_of_its_box():
    mask = composition.polygon_mask([[0, 0, 50, 0, 0, 40]], HEIGHT, WIDTH)
    assert mask.mean() == pytest.approx(0.5, abs=0.01)
    assert mask[0, 0]
    assert not mask[-1, -1]


def test_what_lies_outside_of_the_picture_is_left_out():
    assert (composition.polygon_mask([[-9, -9, 70, -9, 70, 60, -9, 60]], HEIGHT, WIDTH)).all()
    assert not composition.polygon_mask([[60, 60, 70, 60, 70, 70]], HEIGHT, WIDTH).any()


def runs(mask: np.ndarray) -> list[int]:
    """Run lengths down the columns, the first of pixels outside."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def compressed(counts: list[int]) -> str:
    """COCO's compressed text, written from its definition: differences, base 32, sign in the last digit's top bit."""
    letters = []
    for place, count in enumerate(counts):
        number = count - counts[place - 2] if place > 2 else count
        while True:
            digit, number = number & 31, number >> 5
            is_last = number == (-1 if digit & 16 else 0)
            letters.append(chr(48 + digit + (0 if is_last else 32)))
            if is_last:
                break
    return "".join(letters)


@given(st.lists(st.integers(0, 10**7), max_size=30))
def test_compressed_counts_are_read_back(counts: list[int]):
    assert composition.decode_counts(compressed(counts)) == counts


def test_what_pycocotools_compresses_is_read():
    mask = rectangle(3, 4, 20, 30)
    mask[10, 10] = False
    counts = composition.decode_counts(
        r"l3j0>000000000000\OC==70000000000000000\U1"
    )  # pycocotools 2.0.11's encode of it
    assert (composition.run_length_mask(counts, HEIGHT, WIDTH) == mask).all()
    assert compressed(counts) == r"l3j0>000000000000\OC==70000000000000000\U1"


@pytest.mark.parametrize("form", ["list", "text"])
def test_run_lengths_go_down_the_columns(form: str):
    mask = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.3
    counts = runs(mask) if form == "list" else compressed(runs(mask))
    assert (composition.mask_of({"size": [HEIGHT, WIDTH], "counts": counts}, HEIGHT, WIDTH) == mask).all()


SIZE = [HEIGHT, WIDTH]

WRONG_SEGMENTATIONS: dict[str, tuple[Any, str]] = {
    "none": (None, "expected polygons, or size and counts, found None"),
    "no counts": ({"size": SIZE}, "expected polygons, or size and counts"),
    "no polygon": ([], "has no polygon"),
    "two points": ([[0, 0, 5, 5]], r"three points or more, found \[0, 0, 5, 5\]"),
    "half a point": ([[0, 0, 5, 5, 9, 9, 7]], "three points or more"),
    "a polygon of words": ([[0, 0, 5, 5, 9, "9"]], "three points or more"),
    "a polygon of truth values": ([[0, 0, 5, 5, 9, True]], "three points or more"),
    "an endless polygon": ([[0, 0, 5, 5, 9, float("inf")]], "three points or more"),
    "a polygon of NaN": ([[0, 0, 5, 5, 9, float("nan")]], "three points or more"),
    "another size": ({"size": [WIDTH, HEIGHT], "counts": [2000]}, r"of size \[50, 40\], its picture of \[40, 50\]"),
    "too few pixels": ({"size": SIZE, "counts": [1999]}, "counts add up to 1999, its picture has 2000 pixels"),
    "negative counts": ({"size": SIZE, "counts": [2001, -1]}, "counts must be whole numbers from 0 on"),
    "broken counts": ({"size": SIZE, "counts": [2000.0]}, "counts must be whole numbers"),
    "counts of another kind": ({"size": SIZE, "counts": 2000}, "counts must be whole numbers"),
    "another letter": ({"size": SIZE, "counts": "0\n"}, r"'\\n' is no letter of compressed counts"),
    "half a number": ({"size": SIZE, "counts": "P"}, "the compressed counts end within a number"),
}


@pytest.mark.parametrize("name", WRONG_SEGMENTATIONS)
def test_a_wrong_segmentation_is_refused(name: str):
    segmentation, message = WRONG_SEGMENTATIONS[name]
    with pytest.raises(CirqueError, match=f"segmentation.*{message}"):
        composition.mask_of(segmentation, HEIGHT, WIDTH)


# ---- the picture ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_outside_of_the_mask_become_white_and_the_mode_stays(mode: str):
    picture = Image.new(mode, (WIDTH, HEIGHT), 0)
    mask = rectangle(3, 4, 20, 30)
    left = composition.whiten(picture, mask)
    assert left.mode == mode
    values = np.asarray(left.convert("L"))
    assert (values[mask] == 0).all()
    assert (values[~mask] == 255).all()
    assert Image.open(io.BytesIO(composition.jpeg(left))).mode == mode


def test_a_picture_of_another_mode_or_size_is_refused():
    with pytest.raises(CirqueError, match="mode CMYK; those of COCO are RGB or grey"):
        composition.whiten(Image.new("CMYK", (WIDTH, HEIGHT)), rectangle(0, 0, 1, 1))
    with pytest.raises(CirqueError, match="is a picture of 40 x 50 pixels, its annotation says 50 x 40"):
        composition.whiten(Image.new("RGB", (HEIGHT, WIDTH)), rectangle(0, 0, 1, 1))


# ---- the stage -----------------------------------------------------------------------------------------------------


def square(left: int, top: int, side: int) -> dict[str, Any]:
    right, bottom = left + side, top + side
    polygon = [left, top, right, top, right, bottom, left, bottom]
    return {"bbox": [left, top, side, side], "segmentation": [polygon], "iscrowd": 0}


def annotation(image: int, category: int, shape: dict[str, Any]) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, **shape}


CROWD = {
    "bbox": [3.0, 4.0, 17.0, 26.0],
    "segmentation": {"size": [HEIGHT, WIDTH], "counts": runs(rectangle(3, 4, 20, 30))},
    "iscrowd": 1,
}


class Val:
    """A small val2017 on disk: 9 has a cat, 4 a crowd of dogs and a large cat, 5 only a large cat, 7 nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.content: dict[str, Any] = {
            "images": [{"id": i, "file_name": f"{i:012d}.jpg", "height": HEIGHT, "width": WIDTH} for i in (4, 5, 7, 9)],
            "annotations": [
                annotation(9, 17, square(10, 10, 8)),
                annotation(4, 17, square(0, 0, 40)),
                annotation(4, 18, CROWD),
                annotation(5, 17, square(0, 0, 40)),
            ],
            "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        }
        (root / "val2017").mkdir()
        for i in (4, 5, 7, 9):
            self.put(i, Image.new("L" if i == 9 else "RGB", (WIDTH, HEIGHT), 0))

    def put(self, number: int, picture: Image.Image) -> None:
        picture.save(self.root / "val2017" / f"{number:012d}.jpg")

    def prepare(self, seed: int = 0) -> None:
        source = self.root / "instances_val2017.json"
        source.write_text(json.dumps(self.content))
        prepare_coco.main(
            annotations=source,
            images=self.root / "val2017",
            seed=seed,
            masked=self.root / "coco/val2017_masked",
            output=self.root / "coco/coco_eval.csv",
        )


@pytest.fixture
def val(tmp_path: Path) -> Val:
    return Val(tmp_path)


def test_the_file_has_a_row_for_each_picture_with_a_candidate_sorted_by_name(val: Val):
    val.prepare()
    assert (val.root / "coco/coco_eval.csv").read_text() == (
        "id,query_regions,query_class,classes\n"
        "000000000004.jpg,3.0;4.0;20.0;30.0 ,dog,cat\n"
        "000000000009.jpg,10.0;10.0;18.0;18.0 ,cat,\n"
    )


def test_masked_pictures_keep_the_instance_and_their_mode(val: Val):
    val.prepare()
    masked = val.root / "coco/val2017_masked"
    assert sorted(path.name for path in masked.iterdir()) == ["000000000004.jpg", "000000000009.jpg"]
    for name, mask, mode in (("04", rectangle(3, 4, 20, 30), "RGB"), ("09", rectangle(10, 10, 18, 18), "L")):
        picture = Image.open(masked / f"0000000000{name}.jpg")
        assert (picture.format, picture.mode, picture.size) == ("JPEG", mode, (WIDTH, HEIGHT))
        assert (np.asarray(picture.convert("L")) > 128).tolist() == (~mask).tolist()


def test_the_parser_reads_what_was_prepared(val: Val):
    val.prepare()
    assert [query["captions"] for query in coco.queries(val.root, "val2017")] == [["dog and cat"], ["cat and "]]
    image_id, path = coco.images(val.root, "val2017")[-1]
    derived = Image.open(io.BytesIO(coco.derive(image_id, (val.root / path).read_bytes())))
    assert derived.size == (224, 224)
    assert np.asarray(derived).mean() < 40


def test_the_order_of_the_pictures_changes_nothing(val: Val):
    val.content["annotations"] += [annotation(9, 18, square(20 + i, 20, 5)) for i in range(9)]
    val.prepare()
    before = (val.root / "coco/coco_eval.csv").read_bytes()
    val.content["images"].reverse()
    first, *others = val.content["annotations"]
    val.content["annotations"] = [*others[:3], first, *others[3:]]
    val.prepare()
    assert (val.root / "coco/coco_eval.csv").read_bytes() == before


def test_another_seed_draws_other_regions_of_the_same_pictures(val: Val):
    val.content["annotations"] += [annotation(9, 18, square(i, i, 5)) for i in range(30)]
    rows = []
    for seed in range(3):
        val.prepare(seed)
        with (val.root / "coco/coco_eval.csv").open(newline="") as stream:
            rows.append(list(csv.DictReader(stream)))
    assert len({row[1]["query_regions"] for row in rows}) > 1
    assert {tuple(line["id"] for line in row) for row in rows} == {("000000000004.jpg", "000000000009.jpg")}


def change(kind: str, place: int, **values: Any) -> Any:
    return lambda val: val.content[kind][place].update(values)


def drop(kind: str, place: int, key: str) -> Any:
    return lambda val: val.content[kind][place].pop(key)


WRONG = {
    "no annotations": (lambda val: val.content.pop("annotations"), r"val2017\.json: lacks the key 'annotations'"),
    "categories of another kind": (lambda val: val.content.update(categories={}), "categories must be of type list"),
    "no image id": (drop("annotations", 1, "image_id"), "annotation 2: lacks the key 'image_id'"),
    "an unknown image": (change("annotations", 1, image_id=6), "annotation 2: its image 6 is not in the file"),
    "an unknown category": (change("annotations", 1, category_id=3), "annotation 2: no category has the id 3"),
    "no box": (drop("annotations", 0, "bbox"), "annotation 1: lacks the key 'bbox'"),
    "a box of three": (change("annotations", 0, bbox=[1, 2, 3]), "annotation 1: bbox must be four numbers"),
    "a box of NaN": (change("annotations", 0, bbox=[1, 2, 3, float("nan")]), "annotation 1: bbox must be four numbers"),
    "a box of words": (change("annotations", 0, bbox=[1, 2, 3, "4"]), "annotation 1: bbox must be four numbers"),
    "no segmentation": (drop("annotations", 0, "segmentation"), "annotation 1: lacks the key 'segmentation'"),
    "a wrong segmentation": (
        change("annotations", 0, segmentation=[[1, 2, 3]]),
        r"val2017\.json: image 9, cat: segmentation: expected x, y of three points",
    ),
    "an image twice": (change("images", 1, id=4, file_name=f"{4:012d}.jpg"), "image 4 occurs twice"),
    "another file name": (change("images", 0, file_name="../4.jpg"), r"image 1: file_name of image 4 is '\.\./4\.jpg'"),
    "no height": (drop("images", 0, "height"), "image 1: lacks the key 'height'"),
    "a height of 0": (change("images", 0, height=0), "image 1: 50 x 0 pixels are no size"),
    "a giant": (change("images", 0, height=10**6, width=10**6), "image 1: 1000000 x 1000000 pixels are no size"),
    "a category without a name": (change("categories", 0, name=" "), "category 1: ' ' is no name"),
    "a name that would be two": (change("categories", 0, name="a;b"), "category 1: 'a;b' is no name"),
    "only large objects": (
        lambda val: val.content.update(annotations=val.content["annotations"][3:]),
        "no picture has an instance smaller than half of it",
    ),
    "a picture of another size": (
        lambda val: val.put(9, Image.new("RGB", (HEIGHT, WIDTH))),
        r"000000000009\.jpg: is a picture of 40 x 50 pixels, its annotation says 50 x 40; get the file again",
    ),
    "a picture cut short": (
        lambda val: (val.root / f"val2017/{9:012d}.jpg").write_bytes(b"\xff\xd8\xff"),
        r"000000000009\.jpg: .*; get the file again",
    ),
    "a picture that is missing": (
        lambda val: (val.root / f"val2017/{9:012d}.jpg").unlink(),
        r"000000000009\.jpg: no such file, though instances_val2017\.json lists it",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_and_nothing_is_written(val: Val, name: str):
    spoil, message = WRONG[name]
    spoil(val)
    with pytest.raises(CirqueError, match=message):
        val.prepare()
    assert not (val.root / "coco/coco_eval.csv").exists()
    assert not list(val.root.glob("coco/*"))


@pytest.mark.parametrize("box", [(1.2, 1.2, 0.6, 0.6), (0.0, 3.1, 20.0, 0.5), (7.9, 2.0, 0.05, 9.0)])
def test_a_box_without_a_whole_pixel_is_never_drawn(box):
    assert not composition.is_candidate(box, 100, 100)
    assert composition.is_candidate((1.2, 1.2, 0.9, 0.9), 100, 100)
