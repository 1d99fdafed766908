"""Stand-in pictures: each name has one, and few differ where there are many names."""

import pytest
from PIL import Image

from cirque.mini.pictures import draw, shared_out


@pytest.mark.parametrize("n_names", [1, 7, 40, 1000])
def test_every_name_has_a_picture_and_no_more_differ_than_asked_for(n_names):
    wanted = {f"{i}.png": (None, (300, 200), (100, 600))[i % 3 if i % 10 else 0] for i in range(n_names)}
    groups = shared_out(wanted, 40)
    assert sorted(name for names in groups for name in names) == sorted(wanted)
    assert len(groups) <= 40
    assert all(len({wanted[name] for name in names}) == 1 for names in groups)
    assert len(groups) == n_names or n_names > 40  # of its own while there are enough


def test_a_rare_size_has_a_picture_too():
    wanted = {f"{i}.jpg": None for i in range(99)} | {"rare.jpg": (50, 60)}
    assert ["rare.jpg"] in shared_out(wanted, 2)


def test_files_have_their_size_their_form_and_links_where_they_are_the_same(tmp_path):
    wanted = {f"n01/{i}.jpg": None for i in range(4)} | {"n02/a.png": (70, 50)}
    assert draw(wanted, 0, 32, 3, tmp_path / "images") == 3
    files = sorted((tmp_path / "images").rglob("*.*"))
    assert len(files) == 5
    assert len({file.stat().st_ino for file in files}) == 3
    with Image.open(tmp_path / "images/n02/a.png") as image:
        assert (image.format, image.size) == ("PNG", (70, 50))
    with Image.open(tmp_path / "images/n01/0.jpg") as image:
        assert (image.format, min(image.size)) == ("JPEG", 32)
