import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cirque.css import blobs, release
from cirque.datasets import css
from cirque.errors import CirqueError
from cirque.stages import draw_blobs, generate_css

SIZES = {"n_references": 5, "n_modifications": 8, "n_test_references": 4, "n_test_modifications": 6}


def generate(path: Path, seed: int = 0, counts: generate_css.making.Counts = "release") -> Path:
    generate_css.main(seed=seed, counts=counts, **SIZES, output=path)
    return path


def test_scenes_depend_on_the_seed_alone(tmp_path):
    one, again, other = (generate(tmp_path / f"{n}.json", seed) for n, seed in enumerate((0, 0, 1)))
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()


@pytest.mark.parametrize(("counts", "n_train", "n_test"), [("paper", 5 * 8, 4 * 6), ("release", 3 * 8, 3 * 6)])
def test_the_counts_are_the_paper_s_or_the_release_s(tmp_path, capsys, counts, n_train, n_test):
    path = generate(tmp_path / "css.json", counts=counts)
    images = [len(half["objects_img"]) for half in json.loads(path.read_text()).values()]
    assert images == [5 + n_train, 4 + n_test]
    said = capsys.readouterr().err
    assert f"CSS train: {images[0]} images" in said
    assert f"{n_test} queries" in said


def test_every_image_of_the_data_set_is_drawn_in_2d(tmp_path):
    scenes = generate(tmp_path / css.SCENES)
    draw_blobs.main(scenes=scenes, images=tmp_path / "css/images_2d")
    listed = [path for split in ("train_2d", "test_2d") for _, path in css.images(tmp_path, split)]
    assert sorted(tmp_path.glob("css/images_2d/*")) == sorted(tmp_path / path for path in listed)
    content = release.read(scenes)["test"]
    with Image.open(tmp_path / "css/images_2d/css_test_000003.png") as picture:
        assert np.array_equal(np.asarray(picture), blobs.draw(content.images[3]))


def test_a_missing_file_of_scenes_leaves_the_old_pictures(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(CirqueError, match="no such file"):
        draw_blobs.main(scenes=tmp_path / "none.json", images=tmp_path / "images")
    assert (tmp_path / "images").is_dir()
