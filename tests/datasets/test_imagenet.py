from pathlib import Path

import pytest

from cirque.datasets import imagenet
from cirque.errors import CirqueError


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / "ImageNet1K/test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_every_jpeg_below_the_split_is_found_and_sorted_by_name(tmp_path: Path):
    put(tmp_path, "z/ILSVRC2012_test_00000001.JPEG", "a/ILSVRC2012_test_00000003.JPEG", "ILSVRC2012_test_00000002.JPEG")
    put(tmp_path, "readme.txt", "._ILSVRC2012_test_00000001.JPEG", "x.jpg")
    assert imagenet.images(tmp_path, "test") == [
        ("ILSVRC2012_test_00000001.JPEG", "ImageNet1K/test/z/ILSVRC2012_test_00000001.JPEG"),
        ("ILSVRC2012_test_00000002.JPEG", "ImageNet1K/test/ILSVRC2012_test_00000002.JPEG"),
        ("ILSVRC2012_test_00000003.JPEG", "ImageNet1K/test/a/ILSVRC2012_test_00000003.JPEG"),
    ]


def test_one_name_in_two_folders_is_refused(tmp_path: Path):
    put(tmp_path, "a/x.JPEG", "b/x.JPEG", "y.JPEG")
    with pytest.raises(CirqueError, match=r"x\.JPEG lie in more than one folder"):
        imagenet.images(tmp_path, "test")


def test_an_empty_or_missing_folder_says_where_the_images_belong(tmp_path: Path):
    with pytest.raises(CirqueError, match=r"no \*\.JPEG below .*ImageNet1K/test; see docs/data.md#imagenet"):
        imagenet.images(tmp_path, "test")


def test_the_image_set_is_its_folder_and_has_no_annotation_file():
    assert imagenet.annotation_files("test") == {}
    assert imagenet.image_folders("val")[0] == "ImageNet1K/val"


def test_an_unknown_split_is_refused():
    with pytest.raises(CirqueError, match="no split is called 'dev'"):
        imagenet.annotation_files("dev")
