from pathlib import Path

import pytest

from cirque import draws
from cirque.datasets import mitstates_pairs
from cirque.errors import CirqueError

TRAIN = ["sliced apple", "ripe tomato", "moldy apple"]
UNSEEN = ["ripe apple", "sliced tomato"]


def write(root: Path, train: list[str] = TRAIN, unseen: list[str] = UNSEEN) -> Path:
    for split, pairs in (("train_pairs", train), ("unseen_pairs", unseen)):
        path = root / mitstates_pairs.FILES[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{pair}\n" for pair in pairs))
    for pair in [*TRAIN, *UNSEEN, "old town"]:
        folder = root / "mitstates/images" / pair
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(2):
            (folder / f"{number}.jpg").touch()
    return root


def test_both_lists_are_read_for_either_split():
    for split in ("train_pairs", "unseen_pairs"):
        assert mitstates_pairs.annotation_files(split) == {
            "split_train_pairs": "mitstates/compositional-split/train_pairs.txt",
            "split_unseen_pairs": "mitstates/compositional-split/test_pairs.txt",
        }
        assert mitstates_pairs.image_folders(split) == ("mitstates/images",)


def test_pairs_come_in_the_order_of_their_list(tmp_path: Path):
    write(tmp_path)
    assert mitstates_pairs.pairs(tmp_path, "train_pairs") == TRAIN
    assert mitstates_pairs.pairs(tmp_path, "unseen_pairs") == UNSEEN


def test_images_are_those_of_the_pairs_folders_whatever_their_noun(tmp_path: Path):
    images = mitstates_pairs.images(write(tmp_path), "unseen_pairs")
    assert images == [
        (f"{pair}/{number}.jpg", f"mitstates/images/{pair}/{number}.jpg") for pair in UNSEEN for number in range(2)
    ]
    names = {name for split in mitstates_pairs.FILES for name, _ in mitstates_pairs.images(tmp_path, split)}
    assert len(names) == 10
    assert not [name for name in names if name.startswith("old town")]


def test_each_image_has_the_label_of_its_folder(tmp_path: Path):
    labels = mitstates_pairs.labels(write(tmp_path), "train_pairs")
    assert labels == ["moldy apple"] * 2 + ["ripe tomato"] * 2 + ["sliced apple"] * 2
    assert len(labels) == len(mitstates_pairs.images(tmp_path, "train_pairs"))


def test_a_triplet_is_the_words_of_a_pair_and_its_image(tmp_path: Path):
    found = mitstates_pairs.training(write(tmp_path), "train_pairs")
    assert found.triplets_of_a_draw == 1
    assert list(found.texts) == TRAIN
    assert list(found.image_ids) == [name for name, _ in mitstates_pairs.images(tmp_path, "train_pairs")]
    for number, image_id in enumerate(found.image_ids):
        (triplet,) = found.draw(number, draws.generator(0, "test"))
        assert triplet == ("", image_id.split("/")[0], image_id)


@pytest.mark.parametrize("split", ["train_pairs", "unseen_pairs"])
def test_the_natural_split_is_refused_as_its_test_pairs_were_seen(tmp_path: Path, split: str):
    write(tmp_path, unseen=[*UNSEEN, "ripe tomato"])
    for read in (mitstates_pairs.pairs, mitstates_pairs.images, mitstates_pairs.labels, mitstates_pairs.training):
        with pytest.raises(
            CirqueError,
            match=r"test_pairs\.txt: 1 of 3 pairs are in train_pairs\.txt too \(ripe tomato\); this is"
            r" compositional-split-natural, put compositional-split/train_pairs\.txt",
        ):
            read(tmp_path, split)


def test_disjoint_lists_are_the_compositional_split(tmp_path: Path):
    mitstates_pairs.require_compositional(TRAIN, UNSEEN, tmp_path)
    with pytest.raises(CirqueError, match="2 of 2 pairs"):
        mitstates_pairs.require_compositional([*TRAIN, *UNSEEN], UNSEEN, tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tomato", "expected an adjective and a noun"),
        ("very ripe tomato", "expected an adjective and a noun"),
        ("", "expected an adjective and a noun"),
        ("ripe apple", "ripe apple occurs twice"),
        ("ripe  apple", "ripe apple occurs twice"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path, line: str, message: str):
    write(tmp_path, unseen=[*UNSEEN, line, "old town"])
    with pytest.raises(CirqueError, match=rf"test_pairs\.txt: line 3: .*{message}"):
        mitstates_pairs.pairs(tmp_path, "train_pairs")


def test_a_list_that_is_missing_empty_or_not_utf_8_is_named(tmp_path: Path):
    path = write(tmp_path) / mitstates_pairs.FILES["train_pairs"]
    path.write_bytes("ripe caf\xe9".encode("latin-1"))
    with pytest.raises(CirqueError, match=r"train_pairs\.txt: byte 8 is not UTF-8"):
        mitstates_pairs.pairs(tmp_path, "unseen_pairs")
    path.write_bytes(b"")
    with pytest.raises(CirqueError, match=r"train_pairs\.txt: expected at least one line"):
        mitstates_pairs.pairs(tmp_path, "unseen_pairs")
    path.unlink()
    with pytest.raises(CirqueError, match=r"train_pairs\.txt: no such file; see docs/data\.md#mitstates"):
        mitstates_pairs.pairs(tmp_path, "unseen_pairs")


def test_a_pair_without_images_is_refused(tmp_path: Path):
    write(tmp_path, unseen=[*UNSEEN, "huge bear", "../ripe apple"])
    with pytest.raises(
        CirqueError, match=r"test_pairs\.txt: 2 of 4 pairs have no image in .*images \(\.\./ripe apple,"
    ):
        mitstates_pairs.images(tmp_path, "unseen_pairs")


def test_an_unknown_split_is_refused(tmp_path: Path):
    for read in (mitstates_pairs.annotation_files, mitstates_pairs.image_folders):
        with pytest.raises(
            CirqueError, match="no split of pairs is called 'train'; there are train_pairs, unseen_pairs"
        ):
            read("train")
    with pytest.raises(CirqueError, match="no split of pairs is called 'train'"):
        mitstates_pairs.pairs(tmp_path, "train")
