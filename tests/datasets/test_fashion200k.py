import json
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from cirque import datasets, draws
from cirque.datasets import fashion200k
from cirque.errors import CirqueError
from cirque.store import schemas

#: Label lines of a small split by category: image, caption.
LABELS = {
    "dress": [("women/dresses/1/1_0.jpeg", "black long dress"), ("women/dresses/1/1_1.jpeg", "black long dress")],
    "jacket": [("women/jackets/2/2_0.jpeg", "red long dress")],
    "pants": [("women/pants/3/3_0.jpeg", "wool pants")],
    "skirt": [("women/skirts/4/4_0.jpeg", "black short dress"), ("women/skirts/4/4_1.jpeg", "black short dress")],
    "top": [("women/tops/5/5_0.jpeg", "multicolor a&b top.")],
}
QUERIES = [
    ("women/dresses/1/1_0.jpeg", "women/skirts/4/4_1.jpeg"),
    ("women/skirts/4/4_1.jpeg", "women/jackets/2/2_0.jpeg"),
    ("women/dresses/1/1_1.jpeg", "women/dresses/1/1_0.jpeg"),
]


def write(root: Path, split: str = "test", **changed: list[tuple[str, ...]]) -> Path:
    files = fashion200k.annotation_files(split)
    for category, rows in LABELS.items():
        path = root / files[f"split_{category}"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{row[0]}\t0.9\t{row[1]}\n" for row in changed.get(category, rows)))
    if "queries" in files:
        lines = [" ".join(row) for row in changed.get("queries", QUERIES)]
        (root / files["queries"]).write_text("".join(f"{line}\n" for line in lines))
    return root


# ---- images and captions -------------------------------------------------------------------------------------------


def test_a_split_has_five_label_files_and_test_has_queries_too():
    assert fashion200k.annotation_files("train") == {
        f"split_{name}": f"Fashion200k/labels/{name}_train_detect_all.txt"
        for name in ("dress", "jacket", "pants", "skirt", "top")
    }
    roles = fashion200k.annotation_files("test")
    assert roles.pop("queries") == "Fashion200k/test_queries.txt"
    assert all(role.startswith("split_") for role in roles)


def test_images_come_category_after_category_and_lie_where_the_labels_say(tmp_path: Path):
    images = fashion200k.images(write(tmp_path), "test")
    assert [name for name, _ in images] == [name for rows in LABELS.values() for name, _ in rows]
    assert all(path == f"Fashion200k/{name}" for name, path in images)
    (folder,) = fashion200k.image_folders("test")
    assert all(path.startswith(f"{folder}/") for _, path in images)


def test_the_gallery_is_every_image_of_the_split(tmp_path: Path):
    gallery = datasets.gallery("fashion200k", write(tmp_path), "test")
    assert gallery == [(name, "") for name, _ in fashion200k.images(tmp_path, "test")]


def test_signs_become_words_without_spaces():
    assert fashion200k.processed("  a.b? c & d*\n") == "adotmarkbquestionmark c andmark dstarmark"
    assert fashion200k.processed("off-the-shoulder") == "off-the-shoulder"


def test_captions_are_processed_and_only_a_line_feed_ends_a_line(tmp_path: Path):
    write(tmp_path, top=[("women/tops/5/5_0.jpeg", " silk\u2028top. \r")])
    assert fashion200k.captions(tmp_path, "test")[-1] == ("women/tops/5/5_0.jpeg", "silk\u2028topdotmark")


EXPECTED = "expected image, score and caption, TAB-separated"
NO_PATH = "expected an image as women/…/NAME"

WRONG_LINES = {
    "a short line": ("women/tops/6/6_0.jpeg\t0.9", EXPECTED),
    "spaces in place of TABs": ("women/tops/6/6_0.jpeg 0.9 red top", EXPECTED),
    "no caption": ("women/tops/6/6_0.jpeg\t0.9\t", r"the caption of women/tops/6/6_0\.jpeg is empty"),
    "a caption of spaces": ("women/tops/6/6_0.jpeg\t0.9\t  ", "is empty; get the official file again"),
    "an image twice": ("women/tops/5/5_0.jpeg\t0.9\tred top", r"women/tops/5/5_0\.jpeg is listed a second time"),
    "an image of another file": ("women/dresses/1/1_0.jpeg\t0.9\tred top", "is listed a second time"),
    "an absolute path": ("/etc/passwd\t0.9\tred top", NO_PATH),
    "a way out": ("women/../../passwd\t0.9\tred top", NO_PATH),
    "a way out at the end": ("women/tops/..\t0.9\tred top", NO_PATH),
    "another folder": ("men/tops/6_0.jpeg\t0.9\tred top", NO_PATH),
    "a file of macOS": ("women/tops/._6_0.jpeg\t0.9\tred top", NO_PATH),
    "no image": ("\t0.9\tred top", NO_PATH),
}


@pytest.mark.parametrize("name", WRONG_LINES)
def test_a_wrong_line_of_labels_is_refused_with_its_number(tmp_path: Path, name: str):
    line, message = WRONG_LINES[name]
    source = write(tmp_path) / fashion200k.annotation_files("test")["split_top"]
    source.write_text(source.read_text() + line + "\n")
    for read in (fashion200k.images, fashion200k.captions, fashion200k.queries, fashion200k.training):
        with pytest.raises(CirqueError, match=rf"top_test_detect_all\.txt: line 2: .*{message}"):
            read(tmp_path, "test")


@pytest.mark.parametrize("role", ["split_skirt", "queries"])
def test_a_file_that_is_missing_empty_or_not_utf_8_is_named(tmp_path: Path, role: str):
    path = write(tmp_path) / fashion200k.annotation_files("test")[role]
    path.write_bytes("women/é".encode("latin-1"))
    with pytest.raises(CirqueError, match=rf"{path.name}: byte 6 is not UTF-8"):
        fashion200k.queries(tmp_path, "test")
    path.write_bytes(b"")
    with pytest.raises(CirqueError, match=rf"{path.name}: expected at least one line"):
        fashion200k.queries(tmp_path, "test")
    path.unlink()
    with pytest.raises(CirqueError, match=rf"{path.name}: no such file; see docs/data\.md#fashion200k"):
        fashion200k.queries(tmp_path, "test")


# ---- queries -------------------------------------------------------------------------------------------------------


def test_every_image_of_the_target_s_caption_is_right_but_the_reference(tmp_path: Path):
    rows = fashion200k.queries(write(tmp_path), "test")
    assert [(row["query_id"], row["captions"], row["target_ids"]) for row in rows] == [
        ("1", ["replace long with short"], ["women/skirts/4/4_0.jpeg", "women/skirts/4/4_1.jpeg"]),
        ("2", ["replace black with red"], ["women/jackets/2/2_0.jpeg"]),
        ("3", ["replace dress with dress"], ["women/dresses/1/1_0.jpeg"]),
    ]
    assert [row["reference_id"] for row in rows] == [reference for reference, _ in QUERIES]
    assert len(pa.Table.from_pylist(rows, schema=schemas.QUERIES)) == 3


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("black long dress", "red long dress", "replace black with red"),
        ("black long dress", "long red silk dress", "replace black with red"),
        ("long dress", "long red dress", "replace dress with red"),
        ("red dress long", "long red dress", "replace long with dress"),
        ("dress", "dress", "replace dress with dress"),
    ],
)
def test_a_text_names_the_first_words_that_differ_or_the_last_words(source: str, target: str, text: str):
    assert fashion200k.modification(source, target) == text


WRONG_QUERIES = {
    "one image": (("women/tops/5/5_0.jpeg",), "expected two images, source and target"),
    "three images": (("women/tops/5/5_0.jpeg",) * 3, "expected two images, source and target"),
    "an unlisted source": (("women/a/1.jpeg", QUERIES[0][0]), r"women/a/1\.jpeg is in no label file of test"),
    "an unlisted target": ((QUERIES[0][0], "women/a/1.jpeg"), r"women/a/1\.jpeg is in no label file of test"),
    "a way out": ((QUERIES[0][0], "women/../1.jpeg"), NO_PATH),
    "an absolute path": (("/women/a/1.jpeg", QUERIES[0][0]), NO_PATH),
    "its own source": ((QUERIES[0][0], QUERIES[0][0]), "is source and target"),
}


@pytest.mark.parametrize("name", WRONG_QUERIES)
def test_a_wrong_line_of_queries_is_refused_with_its_number(tmp_path: Path, name: str):
    row, message = WRONG_QUERIES[name]
    write(tmp_path, queries=[QUERIES[0], row])
    with pytest.raises(CirqueError, match=rf"test_queries\.txt: line 2: .*{message}"):
        fashion200k.queries(tmp_path, "test")


def test_full_captions_are_taken_by_query(tmp_path: Path):
    write(tmp_path)
    side = tmp_path / "captions.json"
    side.write_text(json.dumps({"1": "one", "2": "two", "3": "three"}))
    rows = fashion200k.queries(tmp_path, "test", full_captions=side)
    assert [row["full_caption"] for row in rows] == ["one", "two", "three"]
    side.write_text(json.dumps({"1": "one"}))
    with pytest.raises(CirqueError, match=r"captions\.json: lacks 2 of 3 queries"):
        fashion200k.queries(tmp_path, "test", full_captions=side)


def test_answers_queries_of_train_and_unknown_splits_are_refused(tmp_path: Path):
    write(tmp_path)
    with pytest.raises(CirqueError, match="Fashion200k tells its own targets; give no answers"):
        fashion200k.queries(tmp_path, "test", tmp_path / "answers.json")
    with pytest.raises(CirqueError, match="Fashion200k train: has no queries"):
        fashion200k.queries(tmp_path, "train")
    for read in (fashion200k.annotation_files, fashion200k.image_folders):
        with pytest.raises(CirqueError, match="no split is called 'val'; there are train, test"):
            read("val")


# ---- training ------------------------------------------------------------------------------------------------------


def test_a_parent_loses_a_word_wherever_its_letters_occur():
    assert fashion200k.parents("black long dress") == ["long dress", "black dress", "black long"]
    found = fashion200k.parents("red checkered dress")
    assert found == ["checke dress", "red dress", "red checkered"]  # codespell:ignore checke
    assert fashion200k.parents("dress") == [""]


def test_double_spaces_are_collapsed_once():
    # Three letters `a` gone leave four spaces, of which every two become one.
    assert fashion200k.parents("x a a a y")[1] == "x  y"


def test_a_parent_of_two_equal_words_counts_once():
    assert fashion200k.parents("long long dress") == ["dress", "long long"]


def test_families_are_captions_that_share_a_parent(tmp_path: Path):
    index = fashion200k.index(fashion200k.captions(write(tmp_path, "train"), "train"))
    assert index.families == {
        "black long dress": [["black long dress", "red long dress"], ["black long dress", "black short dress"]],
        "red long dress": [["black long dress", "red long dress"]],
        "black short dress": [["black long dress", "black short dress"]],
    }
    assert index.of_caption["black short dress"] == ["women/skirts/4/4_0.jpeg", "women/skirts/4/4_1.jpeg"]


def test_the_vocabulary_is_that_of_all_captions(tmp_path: Path):
    found = fashion200k.training(write(tmp_path, "train"), "train")
    assert list(found.texts) == [caption for _, caption in fashion200k.captions(tmp_path, "train")]
    assert list(found.image_ids) == [name for name, _ in fashion200k.images(tmp_path, "train")]
    assert found.triplets_of_a_draw == 1
    assert not any("replace" in text for text in found.texts)


def test_targets_are_drawn_by_parent_then_child_then_image(tmp_path: Path):
    found = fashion200k.training(write(tmp_path, "train"), "train")
    drawn = Counter()
    for rng in draws.each(0, "test", map(str, range(4000))):
        (triplet,) = found.draw(0, rng)
        assert triplet.reference_id == found.image_ids[0]
        drawn[triplet.text, triplet.target_id] += 1
    share = {key: count / 4000 for key, count in drawn.items()}
    assert share == {
        ("replace black with red", "women/jackets/2/2_0.jpeg"): pytest.approx(1 / 2, abs=0.03),
        ("replace long with short", "women/skirts/4/4_0.jpeg"): pytest.approx(1 / 4, abs=0.03),
        ("replace long with short", "women/skirts/4/4_1.jpeg"): pytest.approx(1 / 4, abs=0.03),
    }


def test_a_draw_that_meets_the_own_caption_begins_again_with_the_parent():
    family_of_three = [("a", "red x"), ("b", "blue x"), ("c", "green x"), ("d", "red y")]
    index = fashion200k.index(family_of_three)
    drawn = Counter()
    for rng in draws.each(0, "test", map(str, range(6000))):
        ((_, _, target),) = index.draw(0, rng)
        drawn[target] += 1
    # The own caption is one of three children of the first parent, and one of two of the second.
    first, second = 2 / 3, 1 / 2
    for target, weight in (("b", first / 2), ("c", first / 2), ("d", second)):
        assert drawn[target] / 6000 == pytest.approx(weight / (first + second), abs=0.025)


def test_another_image_is_drawn_for_one_that_nothing_differs_from(tmp_path: Path):
    found = fashion200k.training(write(tmp_path, "train"), "train")
    alone = found.image_ids.index("women/pants/3/3_0.jpeg")
    drawn = Counter(found.draw(alone, rng)[0].reference_id for rng in draws.each(0, "test", map(str, range(5000))))
    modifiable = [name for category in ("dress", "jacket", "skirt") for name, _ in LABELS[category]]
    assert set(drawn) == set(modifiable)
    assert all(drawn[name] / 5000 == pytest.approx(1 / 5, abs=0.025) for name in modifiable)


def test_a_draw_depends_on_its_stream_only(tmp_path: Path):
    found = fashion200k.training(write(tmp_path, "train"), "train")
    assert found.draw(3, draws.generator(1, "x", 3)) == found.draw(3, draws.generator(1, "x", 3))


def test_captions_of_which_no_two_differ_in_a_word_are_refused(tmp_path: Path):
    rows = {name: [(f"women/{name}/1.jpeg", f"{name} {name[::-1]}")] for name in LABELS}
    with pytest.raises(CirqueError, match="Fashion200k train: no two captions differ in one word"):
        fashion200k.training(write(tmp_path, "train", **rows), "train")
