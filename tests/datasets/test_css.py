import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cirque import datasets, draws
from cirque.css import making, release
from cirque.datasets import css
from cirque.errors import CirqueError
from cirque.store import schemas


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("css")
    made = {name: making.make(3, name, "release", 12, 40) for name in ("train", "test")}
    release.write(root / css.SCENES, made)
    return root


def part(root: Path, split: str) -> release.Split:
    return release.read(root / css.SCENES)[split.partition("_")[0]]


def number(image_id: str) -> int:
    return int(image_id.rpartition("_")[2])


def test_both_views_of_an_image_have_one_id_and_two_files(world):
    solid, flat = (css.images(world, split) for split in ("test_3d", "test_2d"))
    assert len(solid) == len(flat) == 12 + 3 * 40
    assert solid[17] == ("css_test_000017", "css/images/css_test_000017.png")
    assert flat[17] == ("css_test_000017", "css/images_2d/css_test_000017.png")
    assert css.queries(world, "test_3d") == css.queries(world, "test_2d")
    for split, images in (("test_3d", solid), ("test_2d", flat)):
        folder = css.image_folders(split)[0]
        assert all(path.startswith(f"{folder}/") for _, path in images)


def test_each_modification_asks_once_for_each_of_its_references(world):
    rows, content = css.queries(world, "test_3d"), part(world, "test_3d")
    assert [row["query_id"] for row in rows[:4]] == ["0-0", "0-1", "0-2", "1-0"]
    assert len({row["query_id"] for row in rows}) == len(rows) == 120
    asked = [(a.text, source) for a in content.asked for source in a.sources]
    assert [(row["captions"], number(row["reference_id"])) for row in rows] == [([text], n) for text, n in asked]
    assert len(pa.Table.from_pylist(rows, schema=schemas.QUERIES)) == 120


def test_every_image_of_the_target_s_label_is_right_and_the_reference_is_not(world):
    content = part(world, "train_3d")
    rows = css.queries(world, "train_3d")
    targets = [target for asked in content.asked for target in asked.targets]
    for row, target in zip(rows, targets, strict=True):
        wanted = [n for n, label in enumerate(content.labels) if label == content.labels[target]]
        assert [number(name) for name in row["target_ids"]] == wanted
        assert row["reference_id"] not in row["target_ids"]
    assert max(len(row["target_ids"]) for row in rows) > 1


def save(root: Path, mods: list[dict[str, Any]], labels: list[int]) -> Path:
    half = {"objects_img": [[] for _ in labels], "mods": mods, "labels": labels}
    path = root / css.SCENES
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"train": half, "test": half}))
    return root


def test_a_reference_of_its_target_s_label_is_no_target(tmp_path):
    save(tmp_path, [{"to_str": "add object", "from": [0], "to": [1]}], [5, 5, 6])
    assert css.queries(tmp_path, "test_2d")[0]["target_ids"] == ["css_test_000001"]


def test_a_modification_that_changes_no_image_is_refused(tmp_path):
    save(tmp_path, [{"to_str": "add object", "from": [0], "to": [0]}], [5, 6])
    with pytest.raises(CirqueError, match=r"test_2d: modification 0 leaves css_test_000000 as it is"):
        css.queries(tmp_path, "test_2d")


def test_the_release_s_file_is_read_where_ours_is_missing(world, tmp_path):
    content = json.loads((world / css.SCENES).read_text())
    (tmp_path / "css").mkdir()
    np.save(tmp_path / css.RELEASED, np.array(content, dtype=object), allow_pickle=True)
    assert css.queries(tmp_path, "test_3d") == css.queries(world, "test_3d")
    assert css.images(tmp_path, "train_2d") == css.images(world, "train_2d")
    save(tmp_path / "both", [{"to_str": "add object", "from": [0], "to": [1]}], [5, 6])
    (tmp_path / css.RELEASED).rename(tmp_path / "both" / css.RELEASED)
    assert len(css.images(tmp_path / "both", "test_3d")) == 2


def test_full_captions_are_joined_by_query(world, tmp_path):
    rows = css.queries(world, "test_3d")
    side = tmp_path / "captions.json"
    side.write_text(json.dumps({row["query_id"]: f"of {row['query_id']}" for row in rows}))
    assert css.queries(world, "test_3d", full_captions=side)[5]["full_caption"] == "of 1-2"
    with pytest.raises(CirqueError, match="give no answers"):
        css.queries(world, "test_3d", answers=side)


# ---- training ------------------------------------------------------------------------------------------------------


def drawn(world: Path, n: int) -> list[Any]:
    training = css.training(world, "train_3d")
    return [training.draw(0, draws.generator(0, "test", i)) for i in range(n)]


def test_a_draw_asks_two_different_things_of_one_reference(world):
    content = part(world, "train_3d")
    known = {
        (number_of, asked.text, target)
        for asked in content.asked
        for number_of, target in zip(asked.sources, asked.targets, strict=True)
    }
    for first, second in drawn(world, 300):
        assert first.reference_id == second.reference_id
        assert first.target_id != second.target_id
        for triplet in (first, second):
            assert (number(triplet.reference_id), triplet.text, number(triplet.target_id)) in known


def test_first_modifications_are_drawn_alike_however_many_references_they_have(tmp_path):
    mods = [
        {"to_str": "add circle", "from": [0, 1, 2], "to": [3, 4, 5]},
        {"to_str": "add rectangle", "from": [0], "to": [6]},
        {"to_str": "add triangle", "from": [1, 2], "to": [7, 8]},
    ]
    save(tmp_path, mods, list(range(9)))
    shares = Counter(first.text for first, _ in drawn(tmp_path, 3000))
    assert all(count == pytest.approx(1000, abs=120) for count in shares.values())
    assert len(shares) == 3


def test_the_texts_and_images_of_training_are_all_of_the_split(world):
    training = datasets.load_trained("css").training(world, "train_2d")
    assert training.triplets_of_a_draw == 2
    assert list(training.texts) == [asked.text for asked in part(world, "train_2d").asked]
    assert list(training.image_ids) == [image_id for image_id, _ in css.images(world, "train_2d")]


def test_a_draw_depends_on_its_stream_and_not_on_the_number(world):
    training = css.training(world, "train_3d")
    assert training.draw(0, draws.generator(0, "a")) == training.draw(9, draws.generator(0, "a"))


def test_a_reference_with_one_modification_is_refused_for_training(tmp_path):
    mods = [
        {"to_str": "add circle", "from": [0, 1], "to": [2, 3]},
        {"to_str": "add rectangle", "from": [0], "to": [4]},
    ]
    save(tmp_path, mods, list(range(5)))
    with pytest.raises(
        CirqueError, match=r"css_scenes.json: CSS train_3d: 1 references have one .* \(css_train_000001\)"
    ):
        css.training(tmp_path, "train_3d")


def test_an_unknown_split_is_refused_with_the_known_ones(world):
    with pytest.raises(CirqueError, match="CSS: no split is called 'test'; there is train_3d, test_3d, train_2d"):
        css.images(world, "test")
    with pytest.raises(CirqueError, match=r"css_scenes.json: no such file; see docs/data\.md#css"):
        css.images(world / "none", "test_3d")
