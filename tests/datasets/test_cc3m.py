"""CC3M: the list of downloaded images, and what is refused."""

import pytest

from cirque.datasets import cc3m
from cirque.errors import CirqueError
from cirque.texts import captions

LIST = cc3m.LISTS["train"]


def write(root, *lines, header="title\tfilepath"):
    path = root / LIST
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")


def test_images_come_in_the_order_of_the_list_and_captions_may_hold_anything(tmp_path):
    write(
        tmp_path,
        'a "quoted, dog \tcc_data/train/2.jpg',
        "ein Hündchen 🐶\tcc_data/train/1.jpg",
        "\tcc_data/train/a/3.jpg",
    )
    assert cc3m.images(tmp_path, "train") == [
        ("cc_data/train/2.jpg", "cc3m/cc_data/train/2.jpg"),
        ("cc_data/train/1.jpg", "cc3m/cc_data/train/1.jpg"),
        ("cc_data/train/a/3.jpg", "cc3m/cc_data/train/a/3.jpg"),
    ]


def test_captions_are_those_of_the_listed_images_and_may_be_empty(tmp_path):
    write(tmp_path, "a dog\tcc_data/train/2.jpg", "\tcc_data/train/1.jpg")
    assert cc3m.captions(tmp_path, "train") == [("cc_data/train/2.jpg", "a dog"), ("cc_data/train/1.jpg", "")]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "cc_data/train/../../../x.jpg", "cc_data/val/1.jpg", "x.jpg", "cc_data/trainer/1.jpg"]
)
def test_a_path_outside_the_folder_of_the_images_is_refused_with_its_line(tmp_path, path):
    write(tmp_path, "a dog\tcc_data/train/1.jpg", f"a cat\t{path}")
    with pytest.raises(CirqueError, match=r"output\.csv: line 3: filepath must begin with cc_data/train/"):
        cc3m.images(tmp_path, "train")


def test_titles_are_the_captions_of_the_images(tmp_path):
    write(tmp_path, 'a "quoted, dog \tcc_data/train/2.jpg', "\tcc_data/train/./1.jpg")
    captions = cc3m.captions(tmp_path, "train")
    assert captions == [("cc_data/train/2.jpg", 'a "quoted, dog '), ("cc_data/train/1.jpg", "")]
    assert [name for name, _ in captions] == [name for name, _ in cc3m.images(tmp_path, "train")]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"a ""red"" car"', 'a "red" car'),  # as pandas writes it
        ('"a dog"', "a dog"),
        ('a "red" car', 'a "red" car'),
        ('"a dog" on "a mat"', '"a dog" on "a mat"'),  # quotes of the caption's own
        ("x" * 200_000, "x" * 200_000),
    ],
)
def test_image_set_and_corpus_read_a_title_alike_as_its_writer_meant_it(tmp_path, written, read):
    write(tmp_path, f"{written}\tcc_data/train/1.jpg")
    (listed,) = tmp_path.rglob("Train_GCC-training_output.csv")
    listed.write_bytes(b"\xef\xbb\xbf" + listed.read_bytes() + b"\n")
    assert [caption for _, caption in cc3m.captions(tmp_path, "train")] == [read]
    assert [caption for _, caption in captions.read_corpus(listed, "list", "title", range(1))] == [read]


def test_a_line_without_a_path_is_refused(tmp_path):
    write(tmp_path, "a dog")
    with pytest.raises(CirqueError, match="line 2: 1 columns where the header names 2"):
        cc3m.images(tmp_path, "train")


def test_another_header_a_repeated_image_and_a_missing_list_are_refused(tmp_path):
    with pytest.raises(CirqueError, match=r"no such file; see docs/data\.md#cc3m"):
        cc3m.images(tmp_path, "train")
    write(tmp_path, "a dog\tcc_data/train/1.jpg", header="caption\turl")
    with pytest.raises(CirqueError, match="needs the TAB-separated columns title and filepath"):
        cc3m.images(tmp_path, "train")
    write(tmp_path / "twice", "a\tcc_data/train/1.jpg", "b\tcc_data/train/1.jpg")
    with pytest.raises(CirqueError, match="occurs twice"):
        cc3m.images(tmp_path / "twice", "train")


def test_an_unknown_split_is_refused():
    with pytest.raises(CirqueError, match="no split is called 'test'; there are train, val"):
        cc3m.image_folders("test")
