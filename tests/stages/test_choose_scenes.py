"""The stage that gathers pictures of a few scenes of CSS from the shards of its image sets."""

import io

import numpy as np
import pytest
from PIL import Image

from cirque.css import blobs, pictures, release
from cirque.data import shards
from cirque.datasets import css
from cirque.plan.paths import KINDS
from cirque.stages import draw_blobs, generate_css
from cirque.store import files, schemas
from tests.evaluated import run

SIZES = {"n_references": 6, "n_modifications": 8, "n_test_references": 6, "n_test_modifications": 8}


@pytest.fixture
def world(tmp_path):
    """Folder with scenes and, in shards of ten, their pictures; those in 3D are single grays, one an image."""
    generate_css.main(seed=0, counts="release", **SIZES, output=tmp_path / css.SCENES)
    draw_blobs.main(scenes=tmp_path / css.SCENES, images=tmp_path / css.VIEWS["2d"])
    (tmp_path / css.VIEWS["3d"]).mkdir()
    for name, split in release.read(tmp_path / css.SCENES).items():
        for number in range(len(split.images)):
            picture = np.full((6, 9, 3), number, dtype=np.uint8)
            (tmp_path / css.VIEWS["3d"] / pictures.file_name(name, number)).write_bytes(pictures.png(picture))
    for split in css.SPLITS:
        rows = shards.assign(css.images(tmp_path, split), f"css_{split}", 10)
        files.write_rows(tmp_path / KINDS["images"].path(image_set=f"css_{split}"), rows, schemas.IMAGES)
        for shard in range(rows[-1]["shard"] + 1):
            path = tmp_path / KINDS["shards"].path(image_set=f"css_{split}", shard=f"{shard:05d}")
            shards.write_shard(path, shards.rows_of(rows, shard, path), tmp_path)
    return tmp_path


def choose(world, *left_out, n_scenes=2):
    words = ["choose_scenes", "--scenes", world / css.SCENES, "--n-scenes", n_scenes, "--output", world / "own.parquet"]
    for view in ("2d", "3d"):
        for option, kind in (("images", "images"), ("shards", "shards")):
            found = sorted(world.glob(KINDS[kind].pattern.format(image_set=f"css_*_{view}", shard="*")))
            words += [f"--{option}-{view}", *(path for path in found if path not in left_out)]
    return run(*words)


def decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_each_scene_is_there_in_both_views_and_its_target_in_3d(world):
    assert choose(world) == 0
    table = files.read_table(world / "own.parquet")
    assert table.schema.equals(schemas.CSS_SCENES)
    rows = table.to_pylist()
    assert [row["split"] for row in rows] == ["train"] * 6 + ["test"] * 6
    assert [(row["role"], row["view"]) for row in rows[:3]] == [
        ("reference", "2d"), ("reference", "3d"), ("target", "3d"),
    ]  # fmt: skip
    asked = {(split, row["query_id"]): row for split in ("train", "test") for row in css.queries(world, f"{split}_3d")}
    splits = release.read(world / css.SCENES)
    for row in rows:
        query, number = asked[row["split"], row["query_id"]], int(row["image_id"][-6:])
        assert query["captions"] == [row["text"]]
        if row["role"] == "reference":
            assert query["reference_id"] == row["image_id"]
        else:
            assert row["image_id"] in query["target_ids"]
        if row["view"] == "2d":
            assert np.array_equal(decoded(row["picture"]), blobs.draw(splits[row["split"]].images[number]))
            assert (row["width"], row["height"]) == (64, 64)
        else:
            assert (decoded(row["picture"]) == number).all()
            assert (row["width"], row["height"]) == (9, 6)


def test_what_is_missing_or_altered_is_named_and_leaves_no_file(world, capsys):
    shard = world / KINDS["shards"].path(image_set="css_train_3d", shard="00001")
    assert choose(world, shard) == 1
    assert "1 are missing (first: 00001.tar)" in capsys.readouterr().err
    assert choose(world, world / KINDS["images"].path(image_set="css_test_3d")) == 1
    assert "css_test_000000 is in none of them" in capsys.readouterr().err
    content = files.read_json(world / css.SCENES)
    for half in content.values():
        half["objects_img"] = [objects[:2] for objects in half["objects_img"]]
    files.write_json(world / css.SCENES, content)
    assert choose(world) == 1
    assert "no reference has 3 objects" in capsys.readouterr().err
    assert not (world / "own.parquet").exists()
