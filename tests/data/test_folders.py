"""Folders of images as people fill them."""

from pathlib import Path

from cirque.data.folders import files_below, names_of


def test_links_are_followed_and_may_go_in_circles(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.JPEG").touch()
    (tmp_path / "set/test").mkdir(parents=True)
    (tmp_path / "set/test/images").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "set")
    assert [path.name for path in files_below(tmp_path / "set", ".JPEG")] == ["a.JPEG"]


def test_endings_count_in_any_case_and_hidden_files_do_not(tmp_path: Path):
    for name in ("a.jpeg", "b.JPEG", "._c.JPEG", "d.png"):
        (tmp_path / name).touch()
    assert sorted(path.name for path in files_below(tmp_path, ".JPEG")) == ["a.jpeg", "b.JPEG"]


def test_names_are_looked_up_by_their_lower_case(tmp_path: Path):
    (tmp_path / "B00.JPG").touch()
    assert names_of(tmp_path) == {"b00.jpg": "B00.JPG"}
    assert names_of(tmp_path / "none") == {}
