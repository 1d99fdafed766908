"""CC12M: its list is read as CC3M's is, from its own folder."""

import pytest

from cirque.datasets import cc12m
from cirque.errors import CirqueError

LIST = cc12m.LISTS["train"]


def write(root, *lines):
    path = root / LIST
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{line}\n" for line in ("title\tfilepath", *lines)), encoding="utf-8")


def test_images_and_captions_come_in_the_order_of_the_list(tmp_path):
    write(tmp_path, "<PERSON> at sea\tcc_data/train/2.jpg", "a dog\tcc_data/train/1.jpg")
    assert cc12m.images(tmp_path, "train") == [
        ("cc_data/train/2.jpg", "cc12m/cc_data/train/2.jpg"),
        ("cc_data/train/1.jpg", "cc12m/cc_data/train/1.jpg"),
    ]
    assert [caption for _, caption in cc12m.captions(tmp_path, "train")] == ["<PERSON> at sea", "a dog"]


def test_a_path_outside_its_folder_and_an_unknown_split_are_refused(tmp_path):
    write(tmp_path, "a dog\tcc12m/cc_data/train/1.jpg")
    with pytest.raises(CirqueError, match=r"line 2: filepath must begin with cc_data/train/, found 'cc12m"):
        cc12m.images(tmp_path, "train")
    with pytest.raises(CirqueError, match="CC12M: no split is called 'val'; there is train"):
        cc12m.image_folders("val")
