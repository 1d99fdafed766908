import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cirque.encoders.features import OK, failures, load_features, require_few_failures, write_features
from cirque.errors import CirqueError
from cirque.store import files, schemas


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    """Two shards of features; image-1 could not be read."""
    paths = [tmp_path / "00000.parquet", tmp_path / "00001.parquet"]
    features = np.arange(12, dtype=np.float32).reshape(4, 3) + 1
    write_features(paths[0], ["image-0", "image-1", "image-2"], [OK, "empty file", OK], features[:2])
    write_features(paths[1], ["image-4", "image-3"], [OK, OK], features[2:])
    return paths


def test_every_image_has_a_row_and_a_failed_one_has_its_reason_and_no_feature(shards: list[Path]):
    table = files.read_table(shards[0])
    assert table.schema.equals(schemas.features(3))
    assert table.to_pylist() == [
        {"image_id": "image-0", "feature": [1, 2, 3], "status": "ok"},
        {"image_id": "image-1", "feature": None, "status": "empty file"},
        {"image_id": "image-2", "feature": [4, 5, 6], "status": "ok"},
    ]


def test_shards_are_read_one_after_the_other_without_the_failed(shards: list[Path]):
    ids, features = load_features(shards)
    assert ids == ["image-0", "image-2", "image-4", "image-3"]
    np.testing.assert_array_equal(features, np.arange(12).reshape(4, 3) + 1)
    assert features.dtype == np.float32


def test_asked_images_come_in_the_order_asked(shards: list[Path]):
    ids, features = load_features(shards, ["image-3", "image-0"])
    assert ids == ["image-3", "image-0"]
    np.testing.assert_array_equal(features, [[10, 11, 12], [1, 2, 3]])


def test_an_asked_image_that_failed_is_refused_with_its_reason(shards: list[Path]):
    with pytest.raises(CirqueError, match=r"1 of 2 images that are needed .* \(first: image-1: empty file\)"):
        load_features(shards, ["image-0", "image-1"])


def test_an_asked_image_that_is_nowhere_is_refused(shards: list[Path]):
    with pytest.raises(CirqueError, match="first: image-9"):
        load_features(shards, ["image-0", "image-9"])


def test_an_image_in_two_shards_is_refused(shards: list[Path]):
    with pytest.raises(CirqueError, match="occurs twice"):
        load_features([*shards, shards[1]])


def test_shards_of_two_backbones_are_refused(shards: list[Path], tmp_path: Path):
    write_features(tmp_path / "other.parquet", ["x"], [OK], np.ones((1, 4), np.float32))
    with pytest.raises(CirqueError, match="4 dimensions"):
        load_features([*shards, tmp_path / "other.parquet"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_not_finite_is_refused_and_nothing_written(tmp_path: Path, value: float):
    features = np.ones((2, 3), np.float32)
    features[1, 2] = value
    with pytest.raises(CirqueError, match="feature of image-2 is not finite"):
        write_features(tmp_path / "x.parquet", ["image-0", "image-1", "image-2"], [OK, "empty file", OK], features)
    assert list(tmp_path.iterdir()) == []


def test_failures_are_stated_with_their_reasons(shards: list[Path]):
    assert failures(shards) == {"image-1": "empty file"}


def test_few_failures_pass_and_more_are_an_error_with_the_first_reasons():
    failed = {f"image-{i}": "empty file" for i in range(5)}
    require_few_failures(failed, 100, 5, "00000.tar")
    with pytest.raises(CirqueError) as error:
        require_few_failures(failed, 100, 4, "00000.tar")
    assert str(error.value).startswith(
        "00000.tar: 5 of 100 images failed and max_failed is 4 (image-0: empty file, image-1: empty file, image-2"
    )


def test_reading_features_needs_no_torch(shards: list[Path]):
    code = (
        "import sys; from pathlib import Path; from cirque.encoders.features import load_features;"
        "load_features([Path(p) for p in sys.argv[1:]]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, *map(str, shards)], check=True)
