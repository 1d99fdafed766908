import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from cirque import datasets, draws
from cirque.datasets import mitstates
from cirque.errors import CirqueError
from cirque.store import schemas

#: Numbers of images by folder; tomato, fish and wool are nouns of test.
FOLDERS = {
    "ripe tomato": 2,
    "moldy tomato": 1,
    "sliced tomato": 1,
    "cooked fish": 1,
    "raw fish": 1,
    "ripe apple": 2,
    "sliced apple": 1,
    "old town": 1,
    "modern town": 1,
}


def write(root: Path, folders: dict[str, int] = FOLDERS) -> Path:
    for name, n_images in folders.items():
        folder = root / "mitstates/images" / name
        folder.mkdir(parents=True)
        for number in range(n_images):
            (folder / f"{number}.jpg").touch()
    return root


def names(root: Path, split: str) -> list[str]:
    return [name for name, _ in mitstates.images(root, split)]


# ---- images --------------------------------------------------------------------------------------------------------


def test_there_are_49_unseen_nouns():
    assert len(mitstates.UNSEEN_NOUNS) == 49
    assert {"armor", "fish", "tomato", "wool"} <= mitstates.UNSEEN_NOUNS


def test_the_noun_says_the_split_and_images_are_sorted(tmp_path: Path):
    assert names(write(tmp_path), "unseen_nouns") == [
        "cooked fish/0.jpg",
        "moldy tomato/0.jpg",
        "raw fish/0.jpg",
        "ripe tomato/0.jpg",
        "ripe tomato/1.jpg",
        "sliced tomato/0.jpg",
    ]
    assert names(tmp_path, "train") == [
        "modern town/0.jpg",
        "old town/0.jpg",
        "ripe apple/0.jpg",
        "ripe apple/1.jpg",
        "sliced apple/0.jpg",
    ]
    (folder,) = mitstates.image_folders("train")
    assert all(path == f"{folder}/{name}" for name, path in mitstates.images(tmp_path, "train"))
    assert all((tmp_path / path).is_file() for _, path in mitstates.images(tmp_path, "train"))


def test_the_gallery_is_every_image_of_the_split(tmp_path: Path):
    gallery = datasets.gallery("mitstates", write(tmp_path), "unseen_nouns")
    assert gallery == [(name, "") for name in names(tmp_path, "unseen_nouns")]


def test_no_role_lists_images_but_a_benchmark_has_a_file_of_its_own(tmp_path: Path):
    files = mitstates.annotation_files("train")
    assert files == {"antonyms": "mitstates/adj_ants.csv"}
    assert not any(role.startswith("split") for role in files)


def test_what_is_no_folder_of_images_is_left_out(tmp_path: Path):
    write(tmp_path)
    usual = [names(tmp_path, split) for split in mitstates.SPLITS]
    root = tmp_path / "mitstates/images"
    for file in (".DS_Store", "Thumbs.db", "read me.txt", "ripe tomato/Thumbs.db", "ripe tomato/._0.jpg"):
        (root / file).touch()
    for file in ("ripe tomato/.DS_Store", "ripe tomato/1.png"):
        (root / file).touch()
    for folder in (
        "__MACOSX",
        "apple",
        "adj apple",
        "adj tomato",
        "adj living room",
        "two empty words",
        "rotten apple",
    ):
        (root / folder).mkdir()
    for folder in ("__MACOSX", "apple", "adj apple", "adj tomato", "adj living room"):
        (root / folder / "0.jpg").touch()
    assert [names(tmp_path, split) for split in mitstates.SPLITS] == usual


def test_an_ending_counts_in_any_case(tmp_path: Path):
    write(tmp_path)
    (tmp_path / "mitstates/images/ripe apple/2.JPG").touch()
    assert "ripe apple/2.JPG" in names(tmp_path, "train")


@pytest.mark.parametrize("name", ["ripe apple copy", "ripe  apple", "ripe apple "])
def test_images_in_a_folder_of_another_form_are_refused(tmp_path: Path, name: str):
    write(tmp_path, {**FOLDERS, name: 1})
    with pytest.raises(CirqueError, match=rf"{name}: holds images, but its name is not an adjective"):
        mitstates.images(tmp_path, "train")


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path):
    write(tmp_path)
    (tmp_path / "mitstates/images/ripe apple/caf\udce9.jpg").touch()
    with pytest.raises(CirqueError, match=r"ripe apple: the name 'caf\\udce9\.jpg' is not UTF-8; rename it"):
        mitstates.images(tmp_path, "train")


def test_no_folder_no_images_and_images_of_one_split_only_are_told(tmp_path: Path):
    with pytest.raises(CirqueError, match=r"cannot read the folder .*mitstates/images .*see docs/data\.md#mitstates"):
        mitstates.images(tmp_path, "train")
    write(tmp_path, {"ripe_apple": 3})
    with pytest.raises(
        CirqueError, match=r"no \*\.jpg in folders 'ADJECTIVE NOUN' .*the space in their names must stay"
    ):
        mitstates.images(tmp_path, "train")
    write(tmp_path, {"ripe apple": 1})
    with pytest.raises(CirqueError, match=r"MIT-States unseen_nouns: no image of its nouns"):
        mitstates.images(tmp_path, "unseen_nouns")


# ---- queries -------------------------------------------------------------------------------------------------------


def test_an_image_asks_for_each_other_adjective_of_its_noun(tmp_path: Path):
    rows = mitstates.queries(write(tmp_path), "unseen_nouns")
    ripe = ["ripe tomato/0.jpg", "ripe tomato/1.jpg"]
    assert [(row["query_id"], row["reference_id"], row["captions"], row["target_ids"]) for row in rows] == [
        ("0-raw", "cooked fish/0.jpg", ["raw"], ["raw fish/0.jpg"]),
        ("1-ripe", "moldy tomato/0.jpg", ["ripe"], ripe),
        ("1-sliced", "moldy tomato/0.jpg", ["sliced"], ["sliced tomato/0.jpg"]),
        ("2-cooked", "raw fish/0.jpg", ["cooked"], ["cooked fish/0.jpg"]),
        ("3-moldy", "ripe tomato/0.jpg", ["moldy"], ["moldy tomato/0.jpg"]),
        ("3-sliced", "ripe tomato/0.jpg", ["sliced"], ["sliced tomato/0.jpg"]),
        ("4-moldy", "ripe tomato/1.jpg", ["moldy"], ["moldy tomato/0.jpg"]),
        ("4-sliced", "ripe tomato/1.jpg", ["sliced"], ["sliced tomato/0.jpg"]),
        ("5-moldy", "sliced tomato/0.jpg", ["moldy"], ["moldy tomato/0.jpg"]),
        ("5-ripe", "sliced tomato/0.jpg", ["ripe"], ripe),
    ]
    assert len(pa.Table.from_pylist(rows, schema=schemas.QUERIES)) == 10


def test_rows_share_the_lists_of_their_targets(tmp_path: Path):
    rows = mitstates.queries(write(tmp_path), "unseen_nouns")
    assert len({id(row["target_ids"]) for row in rows}) == 5
    assert len({id(row["captions"]) for row in rows}) == 5


def test_a_noun_of_one_adjective_asks_nothing(tmp_path: Path):
    rows = mitstates.queries(write(tmp_path, {**FOLDERS, "wet wool": 3}), "unseen_nouns")
    assert not [row for row in rows if row["reference_id"].startswith("wet wool")]


def test_full_captions_are_taken_by_query(tmp_path: Path):
    write(tmp_path, {"cooked fish": 1, "raw fish": 1})
    side = tmp_path / "captions.json"
    side.write_text(json.dumps({"0-raw": "raw fish", "1-cooked": "cooked fish"}))
    rows = mitstates.queries(tmp_path, "unseen_nouns", full_captions=side)
    assert [row["full_caption"] for row in rows] == ["raw fish", "cooked fish"]
    side.write_text(json.dumps({"0-raw": "raw fish"}))
    with pytest.raises(CirqueError, match=r"captions\.json: lacks 1 of 2 queries \(1-cooked\)"):
        mitstates.queries(tmp_path, "unseen_nouns", full_captions=side)


def test_answers_and_unknown_splits_are_refused(tmp_path: Path):
    write(tmp_path)
    with pytest.raises(CirqueError, match="MIT-States tells its own targets; give no answers"):
        mitstates.queries(tmp_path, "unseen_nouns", tmp_path / "answers.json")
    for read in (mitstates.annotation_files, mitstates.image_folders):
        with pytest.raises(CirqueError, match="no split is called 'test'; there are train, unseen_nouns"):
            read("test")
    with pytest.raises(CirqueError, match="no split is called 'test'"):
        mitstates.images(tmp_path, "test")


# ---- training ------------------------------------------------------------------------------------------------------


def test_two_triplets_share_their_source_and_differ_in_their_texts(tmp_path: Path):
    found = mitstates.training(write(tmp_path), "train")
    assert found.triplets_of_a_draw == 2
    assert list(found.image_ids) == names(tmp_path, "train")
    for number, rng in enumerate(draws.each(0, "test", map(str, range(5)))):
        one, other = found.draw(number, rng)
        assert one.reference_id == other.reference_id == found.image_ids[number]
        assert one.text != other.text
        noun = found.image_ids[number].split("/")[0].split()[1]
        assert all(of.target_id.startswith(f"{of.text} {noun}/") for of in (one, other))


def test_adjectives_are_drawn_uniformly_and_may_be_the_source_s_own(tmp_path: Path):
    found = mitstates.training(write(tmp_path), "unseen_nouns")
    number = list(found.image_ids).index("ripe tomato/0.jpg")
    pairs, targets = Counter(), Counter()
    for rng in draws.each(0, "test", map(str, range(6000))):
        one, other = found.draw(number, rng)
        pairs[one.text, other.text] += 1
        targets[one.target_id] += 1
    assert len(pairs) == 6
    assert all(count / 6000 == pytest.approx(1 / 6, abs=0.025) for count in pairs.values())
    assert {name: count / 6000 for name, count in targets.items()} == {
        "moldy tomato/0.jpg": pytest.approx(1 / 3, abs=0.025),
        "sliced tomato/0.jpg": pytest.approx(1 / 3, abs=0.025),
        "ripe tomato/0.jpg": pytest.approx(1 / 6, abs=0.025),
        "ripe tomato/1.jpg": pytest.approx(1 / 6, abs=0.025),
    }


def test_the_vocabulary_is_that_of_the_folders_names(tmp_path: Path):
    found = mitstates.training(write(tmp_path), "train")
    assert list(found.texts) == ["modern town", "old town", "ripe apple", "sliced apple"]


def test_a_noun_of_one_adjective_cannot_be_learned_from(tmp_path: Path):
    write(tmp_path, {**FOLDERS, "huge bear": 2})
    with pytest.raises(CirqueError, match=r"MIT-States train: bear in .*mitstates/images: one adjective only"):
        mitstates.training(tmp_path, "train")
