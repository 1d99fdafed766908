"""Data that are there are told from those that are missing, or not the released ones."""

import hashlib

import pytest

from cirque.data.download import Entry
from cirque.plan import presence
from cirque.plan.needed_data import Need
from cirque.store import files

LIST = "CIRR/cirr/image_splits/split.rc2.val.json"
CAPTIONS = Need("queries", files=(LIST,))
IMAGES = Need("images", "cirr", "val", (LIST,), ("CIRR/dev",), n_images=2)


def entry(file, *, urls=(), content=b"", gated=False, note=""):
    sha256 = hashlib.sha256(content).hexdigest() if content else ""
    return Entry("cirr", file, urls, len(content) or None, sha256, "", "MIT", gated, note)


def states(need, root, *entries, generated=False):
    looked = presence.look(need, root, {one.file: one for one in entries}, generated)
    return [one.state for one in looked], " ".join(one.detail for one in looked)


def test_what_can_be_fetched_is_no_lack(tmp_path):
    assert states(CAPTIONS, tmp_path, entry(LIST, urls=("https://example.org",)))[0] == ["fetched"]
    assert states(CAPTIONS, tmp_path, generated=True)[0] == ["generated"]
    assert states(CAPTIONS, tmp_path) == (["missing"], "put it there; no address of it is known")


def test_a_file_that_only_a_person_can_get_says_how(tmp_path):
    assert states(CAPTIONS, tmp_path, entry(LIST, gated=True, note="Fill in the form")) == (
        ["missing"],
        "Fill in the form",
    )


@pytest.fixture
def listed(tmp_path):
    files.write_json(tmp_path / LIST, {"a": "./dev/a.png", "b": "./dev/b.png"})
    return tmp_path


def test_a_file_counts_as_the_released_one_by_its_checksum_alone(listed):
    right = (listed / LIST).read_bytes()
    assert states(CAPTIONS, listed, entry(LIST, content=right)) == (["found"], "checksum right")
    state, detail = states(CAPTIONS, listed, entry(LIST, content=right[:-1] + b" "))
    assert state == ["not released"]
    assert "has the sha256" in detail
    assert states(CAPTIONS, listed) == (["found"], "no checksum is known")


def test_an_image_set_is_there_once_all_its_files_are(listed):
    assert states(IMAGES, listed)[0] == ["found", "missing"]
    (listed / "CIRR/dev").mkdir(parents=True)
    (listed / "CIRR/dev/a.png").write_bytes(b"")
    state, detail = states(IMAGES, listed)
    assert state == ["found", "missing"]
    assert "1 of 2 images missing (first: b)" in detail
    (listed / "CIRR/dev/b.png").write_bytes(b"")
    assert states(IMAGES, listed)[0] == ["found", "found"]


def test_images_whose_lists_are_not_there_cannot_be_counted(tmp_path):
    (tmp_path / "CIRR/dev").mkdir(parents=True)
    state, detail = states(IMAGES, tmp_path)
    assert state == ["missing", "uncounted"]
    assert "counted once the files that list them are there" in detail


def test_an_image_set_of_several_folders_needs_them_all(tmp_path):
    both = Need("images", "genecis", "v0", (), ("VG_100K_all", "COCO2017/val2017"), n_images=2)
    (tmp_path / "VG_100K_all").mkdir()
    assert states(both, tmp_path)[0] == ["uncounted", "missing"]
