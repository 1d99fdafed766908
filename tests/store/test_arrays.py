"""Arrays of NumPy's format: whole numbers and fractions, and nothing else."""

import io
from pathlib import Path

import numpy as np
import pytest

from cirque.errors import CirqueError
from cirque.store import arrays


def saved(value: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, value)
    return out.getvalue()


def test_an_array_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for value in (np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((3, 2), np.float32)), np.array([True, False])):
        path.write_bytes(saved(value))
        found = arrays.read(path, "get it again")
        assert found.dtype == value.dtype
        assert np.array_equal(found, value)


HEADER = saved(np.zeros(3, np.float32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        HEADER[:-1],
        HEADER.replace(b"}", b"("),  # which Python's tokenizer reads on for, and raises an error of its own
        HEADER.replace(b"(3,)", b"(-3,)"),
        HEADER.replace(b"(3,),", b"(9999999999999,),"),
        saved(np.array(["a"])),
        saved(np.array([1j])),
    ],
)
def test_what_is_no_whole_array_of_numbers_is_refused_by_its_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(CirqueError, match=r"a\.npy: .*numbers.*; get it again"):
        arrays.read(tmp_path / "a.npy", "get it again")
