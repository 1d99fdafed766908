import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cirque.datasets import coco as official
from cirque.datasets.coco_composition import mask_of
from cirque.errors import CirqueError
from cirque.mini import coco
from cirque.mini.generators import coco as generate_coco
from cirque.mini.scenes import Scene
from cirque.stages import prepare_coco


@pytest.fixture(scope="module")
def photographs() -> list[coco.Photograph]:
    return coco.make_photographs(0, 64, 500, 450)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    write(root)
    return root


def write(root: Path) -> None:
    generate_coco.generate(seed=0, image_size=48, n_gallery=40, n_queries=30, data_root=root)
    prepare_coco.main(
        annotations=root / "coco/annotations/instances_val2017.json",
        images=root / "coco/val2017",
        seed=0,
        masked=root / "coco/val2017_masked",
        output=root / "coco/coco_eval.csv",
    )


# ---- photographs ---------------------------------------------------------------------------------------------------


def test_photographs_that_ask_hold_two_or_three_objects_and_the_others_one_or_none(photographs):
    assert len(photographs) == len({one.number for one in photographs}) == 500
    assert {len(one.things) for one in photographs[:450]} == {2, 3}
    assert [len(one.things) for one in photographs[450:]] == [1, 0] * 25


def test_objects_lie_apart_inside_of_the_picture(photographs):
    for photograph in photographs:
        masks = [thing.mask(photograph.side) for thing in photograph.things]
        assert not masks or np.sum(masks, axis=0).max() == 1
        for thing, mask in zip(photograph.things, masks, strict=True):
            x, y, width, height = thing.box
            assert min(x, y) >= 0
            assert max(x + width, y + height) <= photograph.side
            assert not mask[:y].any()
            assert not mask[y + height :].any()
            assert 0.9 * width * height < mask.sum() < width * height


def test_only_the_objects_of_spare_photographs_are_too_large_to_ask(photographs):
    for place, photograph in enumerate(photographs):
        for thing in photograph.things:
            assert (2 * thing.box[2] * thing.box[3] < photograph.side**2) == (place < 450)


def looks(photograph: coco.Photograph) -> set[tuple[str, str, str]]:
    return {(thing.scene.shape, thing.scene.colour, thing.scene.background) for thing in photograph.things}


def test_neither_the_object_nor_the_names_find_a_photograph_alone(photographs):
    asking = photographs[:450]
    names = Counter(frozenset(thing.scene.shape for thing in one.things) for one in asking)
    shown = Counter(look for one in asking for look in looks(one))
    both = Counter(
        (look, frozenset(thing.scene.shape for thing in one.things)) for one in asking for look in looks(one)
    )
    assert np.mean([names[shapes] for _, shapes in both.elements()]) > 5
    assert np.mean([shown[look] for look, _ in both.elements()]) > 20
    assert np.mean([both[pair] for pair in both.elements()]) < 6


def test_shapes_of_a_photograph_differ_and_some_objects_are_crowds(photographs):
    for photograph in photographs:
        assert len({thing.scene.shape for thing in photograph.things}) == len(photograph.things)
    counts = Counter(thing.scene.count for one in photographs for thing in one.things)
    assert set(counts) == {1, 3}
    assert 0.05 < counts[3] / counts.total() < 0.15


def test_a_picture_shows_its_objects_on_the_table(photographs):
    photograph = photographs[0]
    pixels = np.asarray(coco.picture(photograph, 0))
    covered = np.any([thing.mask(64) for thing in photograph.things], axis=0)
    assert (pixels[~covered] == coco.TABLE).all()
    assert (pixels[covered] != coco.TABLE).any(axis=1).mean() > 0.9


def test_full_captions_name_every_object():
    things = [
        coco.Thing(Scene("star", "red", 1, "plain"), (0, 0, 9, 9)),
        coco.Thing(Scene("fish", "orange", 3, "plain"), (9, 9, 9, 9)),
    ]
    photograph = coco.Photograph(7, 64, things)
    assert coco.full_caption(photograph) == "a photo of a red star and three orange fish"
    assert coco.full_captions([photograph, photograph], 1) == {"000000000007": coco.full_caption(photograph)}


def test_captioned_pictures_are_of_all_shapes_and_named_in_any_order():
    pictures = list(coco.composed_captions(0, 32, 40, 3))
    assert [(picture.size, len(captions)) for picture, captions in pictures] == [((32, 32), 3)] * 40
    said = {caption for _, captions in pictures for caption in captions}
    assert {word for caption in said for word in caption.split()} >= {"star", "moon", "fish", "ring", "red", "and"}
    again = list(coco.composed_captions(0, 32, 2, 3))
    assert [(p.tobytes(), c) for p, c in again] == [(p.tobytes(), c) for p, c in pictures[:2]]


def test_the_same_seed_gives_the_same_photographs_and_another_others():
    assert coco.make_photographs(3, 64, 20, 15) == coco.make_photographs(3, 64, 20, 15)
    assert coco.make_photographs(3, 64, 20, 15) != coco.make_photographs(4, 64, 20, 15)


@pytest.mark.parametrize("n_queries", [0, 21])
def test_more_queries_than_photographs_are_refused(n_queries: int):
    with pytest.raises(CirqueError, match=rf"there can be 1 to 20 \(n_gallery\), {n_queries} were asked for"):
        coco.make_photographs(0, 64, 20, n_queries)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_masks_of_the_file_are_those_of_the_objects(photographs):
    content = coco.instances(photographs)
    things = [(one.side, thing) for one in photographs for thing in one.things]
    assert {entry["iscrowd"] for entry in content["annotations"]} == {0, 1}
    for (side, thing), entry in zip(things, content["annotations"], strict=True):
        assert isinstance(entry["segmentation"], dict) == bool(entry["iscrowd"])
        assert (mask_of(entry["segmentation"], side, side) == thing.mask(side)).all()
        assert entry["area"] == thing.mask(side).sum()


def test_just_the_photographs_with_a_candidate_become_queries(world: Path):
    asking = {one.name: one for one in coco.make_photographs(0, 48, 40, 30)[:30]}
    rows = official.queries(world, "val2017", full_captions=world / "coco/mini/full_captions.json")
    assert [row["query_id"] for row in rows] == sorted(asking)
    for row in rows:
        photograph = asking[row["query_id"]]
        named = row["captions"][0].split(" and ")
        boxes = {thing.scene.shape: thing.box for thing in photograph.things}
        x, y, width, height = boxes[named[0]]
        assert sorted(named) == sorted(boxes)
        assert row["reference_id"] == f"{photograph.name}@{x},{y},{x + width},{y + height}"
        assert row["full_caption"] == coco.full_caption(photograph)


def test_every_listed_image_is_there_and_gives_its_picture(world: Path):
    images = official.images(world, "val2017")
    assert len(images) == 2 * 30
    assert len(list((world / "coco/val2017").iterdir())) == 40
    for image_id, path in images:
        picture = Image.open(io.BytesIO(official.derive(image_id, (world / path).read_bytes())))
        assert picture.size == ((224, 224) if "@" in image_id else (48, 48))


def test_the_same_seed_writes_the_same_bytes(world: Path, tmp_path: Path):
    write(tmp_path)

    def contents(root: Path) -> dict[Path, bytes]:
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert contents(tmp_path) == contents(world)
    assert len(contents(world)) == 40 + 30 + 3
    assert json.loads((world / "coco/annotations/instances_val2017.json").read_text())["categories"]
