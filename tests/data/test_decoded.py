"""Decoded images of a set: written in order, mapped, and refused where they are not whole."""

from pathlib import Path

import numpy as np
import pytest

from cirque.data import decoded
from cirque.errors import CirqueError

PICTURES = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)


def named(pictures):
    return [(f"{number}.png", picture) for number, picture in enumerate(pictures)]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    decoded.write(tmp_path / "pixels.npy", named(PICTURES), 4)
    found = decoded.read(tmp_path / "pixels.npy", 4)
    assert np.array_equal(found, PICTURES)
    assert isinstance(found, np.memmap)
    assert np.array_equal(np.load(tmp_path / "pixels.npy"), PICTURES)  # NumPy's own format


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        ([*named(PICTURES[:2]), ("2.png", "empty file")], "image 2.png: empty file"),
        (
            [*named(PICTURES[:2]), ("2.png", PICTURES[0].transpose(1, 0, 2))],
            "image 2.png: 5 × 6 pixels, but 0.png has 6 × 5",
        ),
    ],
)
def test_a_picture_that_does_not_fit_is_named_and_nothing_is_left(tmp_path: Path, pictures, message: str) -> None:
    with pytest.raises(CirqueError, match=message):
        decoded.write(tmp_path / "pixels.npy", pictures, 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_bytes", [0, 60, 300])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "pixels.npy"
    decoded.write(path, named(PICTURES), 4)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CirqueError, match="no whole array of numbers"):
        decoded.read(path, 4)


def test_a_file_of_another_set_or_none_is_refused(tmp_path: Path) -> None:
    decoded.write(tmp_path / "pixels.npy", named(PICTURES), 4)
    with pytest.raises(CirqueError, match="not pixels of 5 images"):
        decoded.read(tmp_path / "pixels.npy", 5)
    with pytest.raises(CirqueError, match="no such file"):
        decoded.read(tmp_path / "others.npy", 5)
