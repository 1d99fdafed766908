"""The stage that decodes composed features, with a composer of a few thousand random weights."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from cirque.data import decoded
from cirque.encoders import composers, resnet
from cirque.store import files, schemas
from tests.evaluated import run

HEIGHT, WIDTH = 24, 36
TEXTS = ["make bottom-right gray object purple", "remove bottom-center cyan object"]
KINDS = ["reference", "target", "decoded reference", "decoded target", "decoded query"]

RECORD = {
    "composition": "concatenate",
    "settings": {},
    "dim": 8,
    "encoder": "resnet",
    "config": {"kernel": 5, "stem": 8, "layers": [[8, 1], [16, 1]], "image_size": 32},
    "image_mean": list(resnet.MEAN),
    "image_std": list(resnet.STD),
    "words": ["make", "remove", "red", "object", "blue"],
    "has_reference_trunk": False,
    "is_frozen": False,
    "scale": 4.0,
}


def image_set(folder, name, n_images, seed):
    """Random pictures: the file that lists them and the one that holds their pixels."""
    ids = [f"{name}_{number}" for number in range(n_images)]
    rows = [{"image_id": image_id, "path": f"{image_id}.png", "shard": 0, "key": image_id} for image_id in ids]
    files.write_rows(folder / f"{name}_images.parquet", rows, schemas.IMAGES)
    pixels = np.random.default_rng(seed).integers(0, 256, (n_images, HEIGHT, WIDTH, 3), dtype=np.uint8)
    decoded.write(folder / f"{name}_pixels.npy", zip(ids, pixels, strict=True), n_images)
    return pixels


def query(number, text, reference, target):
    about = dict.fromkeys(schemas.QUERIES.names)
    return {
        **about, "query_id": f"{number}-0", "reference_id": f"test_{reference}", "captions": [text],
        "target_ids": [f"test_{target}"], "group": "", "tags": [],
    }  # fmt: skip


@pytest.fixture
def world(tmp_path):
    """Folder with a composer and the pictures and queries that it is asked; the test pictures."""
    torch.manual_seed(0)
    composers.save(composers.made_of(RECORD), tmp_path / "weights.safetensors", {})
    image_set(tmp_path, "train", 10, seed=0)
    pixels = image_set(tmp_path, "test", 5, seed=1)
    asked = [
        query(0, "remove object", 0, 4),
        query(1, "remove top-left red object", 1, 2),
        query(2, "make top-left red object blue", 0, 3),
        query(3, "make top-left red object gray", 1, 3),
    ]
    files.write_rows(tmp_path / "queries.parquet", asked, schemas.QUERIES)
    return tmp_path, pixels


def reconstruct(folder, name="pictures", texts=TEXTS):
    return run(
        *("reconstruct", "--composer", folder / "weights.safetensors", "--method", "concatenate"),
        *("--training-images", folder / "train_images.parquet", "--training-pixels", folder / "train_pixels.npy"),
        *("--images", folder / "test_images.parquet", "--pixels", folder / "test_pixels.npy"),
        *("--queries", folder / "queries.parquet", "--texts", *texts),
        *("--steps", 4, "--batch", 4, "--learning-rate", 0.01, "--width", 2),
        *("--seed", 0, "--work", folder / "work", "--output", folder / f"{name}.parquet", "--device", "cpu"),
    )


def test_pictures_of_the_queries_that_are_most_alike(world):
    folder, pixels = world
    assert reconstruct(folder) == 0
    assert not (folder / "work").exists()
    table = files.read_table(folder / "pictures.parquet")
    assert table.schema.equals(schemas.RECONSTRUCTIONS)
    rows = table.to_pylist()
    assert [row["kind"] for row in rows] == 2 * KINDS
    assert [row["query_id"] for row in rows] == 5 * ["2-0"] + 5 * ["1-0"]
    assert [row["printed"] for row in rows[::5]] == TEXTS
    assert rows[0]["text"] == "make top-left red object blue"
    shown = [np.array(Image.open(io.BytesIO(row["pixels"]))) for row in rows]
    assert all(picture.shape == (HEIGHT, WIDTH, 3) for picture in shown)
    assert [(row["height"], row["width"]) for row in rows] == 10 * [(HEIGHT, WIDTH)]
    for place, number in ((0, 0), (1, 3), (5, 1), (6, 2)):
        assert np.array_equal(shown[place], pixels[number])


def test_the_same_pictures_again(world):
    folder, _ = world
    assert reconstruct(folder) == 0
    assert reconstruct(folder, "again") == 0
    assert files.read_table(folder / "pictures.parquet").equals(files.read_table(folder / "again.parquet"))


def test_a_benchmark_without_such_queries_is_named(world, capsys):
    folder, _ = world
    assert reconstruct(folder, texts=["add red object"]) == 1
    assert "queries.parquet: 'add red object': none of 4 queries asks for such a change" in capsys.readouterr().err
    assert not (folder / "pictures.parquet").exists()
