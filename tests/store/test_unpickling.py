import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from cirque.errors import CirqueError
from cirque.store import unpickling

#: What messages point to.
DOCS = "docs/data.md#css"


def stored(path: Path, value: object, protocol: int | None = None) -> Path:
    """A value as NumPy stores it: a header, and a pickled array of no dimensions."""
    array = np.empty((), dtype=object)
    array[()] = value
    if protocol is None:
        with path.open("wb") as stream:
            np.save(stream, array, allow_pickle=True)
        return path
    return with_pickle(path, pickle.dumps(array, protocol))


def with_pickle(path: Path, pickled: bytes) -> Path:
    """A file with a sound header and any pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    path.write_bytes(header.getvalue() + pickled)
    return path


def test_containers_numbers_and_arrays_come_out_as_lists_and_dictionaries(tmp_path):
    value = {
        "objects_img": [[{"shape": "circle", "pos": (0.5, 0.25)}], []],
        "labels": np.array([3, 1, 2]),
        "grid": np.arange(6, dtype=np.float32).reshape(2, 3),
        "column": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "objects": np.array(["a", None, 1], dtype=object),
        "number": np.float64(0.5),
        "true": True,
        "some": {1},
    }
    assert unpickling.read_npy(stored(tmp_path / "a.npy", value), DOCS) == {
        "objects_img": [[{"shape": "circle", "pos": [0.5, 0.25]}], []],
        "labels": [3, 1, 2],
        "grid": [[0, 1, 2], [3, 4, 5]],
        "column": [[0, 1, 2], [3, 4, 5]],
        "objects": ["a", None, 1],
        "number": 0.5,
        "true": True,
        "some": [1],
    }


def test_a_file_of_python_2_is_read_with_its_texts_as_latin_1(tmp_path):
    # What Python 2 and NumPy 1.14 write for np.save of {'to_str': 'caf\xe9', 'labels': np.array([1, 258])}.
    pickled = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R"
        b"(K\x01)cnumpy\ndtype\nU\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]"
        b"}(U\x06to_strU\x04caf\xe9U\x06labelsh\x01h\x02K\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02i8"
        b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x10"
        b"\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01\x00\x00\x00\x00\x00\x00tbuatb."
    )
    assert unpickling.read_npy(with_pickle(tmp_path / "a.npy", pickled), DOCS) == {"to_str": "café", "labels": [1, 258]}


class Malicious:
    """Unpickled by anything else, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_pickle_that_names_a_function_is_refused_and_not_run(tmp_path, protocol):
    folder = tmp_path / "made"
    path = stored(tmp_path / "a.npy", {"train": Malicious(folder)}, protocol)
    with pytest.raises(CirqueError, match=rf"{path}: its pickle names (posix|nt).mkdir, .* was not run"):
        unpickling.read_npy(path, DOCS)
    assert not folder.exists()
    np.load(path, allow_pickle=True)  # which shows that the file would have done it
    assert folder.exists()


@pytest.mark.parametrize("name", ["builtins\neval", "os\nsystem", "numpy\nload", "numpy.core.multiarray\nfromfile"])
def test_any_other_global_is_refused_by_its_name(tmp_path, name):
    path = with_pickle(tmp_path / "a.npy", f"c{name}\n.".encode())
    with pytest.raises(CirqueError, match=name.replace("\n", ".")):
        unpickling.read_npy(path, DOCS)


def test_an_array_cannot_be_called_so_that_the_process_dies(tmp_path):
    # np.ndarray((1,), "O", b"12345678") reads memory at an address that the file gives
    path = with_pickle(tmp_path / "a.npy", b"cnumpy\nndarray\n(K\x01\x85U\x01OU\x0812345678tR.")
    with pytest.raises(CirqueError, match=r"not a .npy file of one pickled object"):
        unpickling.read_npy(path, DOCS)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x09\x00\x10\x00"],
    ids=["empty", "zip", "cut", "version"],
)
def test_a_broken_file_is_refused(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(CirqueError, match=r"a.npy: not a .npy file of one pickled object"):
        unpickling.read_npy(path, DOCS)


def test_numbers_a_loop_bytes_and_a_cut_pickle_are_refused(tmp_path):
    numbers = tmp_path / "numbers.npy"
    np.save(numbers, np.arange(3))
    loop: list[object] = []
    loop.append(loop)
    whole = stored(tmp_path / "whole.npy", {"a": [1, 2, 3]}).read_bytes()
    cut = tmp_path / "cut.npy"
    cut.write_bytes(whole[:-9])
    for path in (numbers, stored(tmp_path / "loop.npy", loop), stored(tmp_path / "b.npy", {"a": b"x"}), cut):
        with pytest.raises(CirqueError, match=r"not a .npy file of one pickled object"):
            unpickling.read_npy(path, DOCS)
    with pytest.raises(CirqueError, match=r"no such file; see docs/data\.md#css"):
        unpickling.read_npy(tmp_path / "none.npy", DOCS)


def test_a_plain_pickle_is_read_alike(tmp_path):
    path = tmp_path / "a.pkl"
    value = {"dog": ["a dog that runs", "a dog that sleeps"]}
    path.write_bytes(pickle.dumps(value))
    assert unpickling.read(path, DOCS) == value
    path.write_bytes(pickle.dumps(os.system))
    with pytest.raises(CirqueError, match=r"a\.pkl: its pickle names posix\.system"):
        unpickling.read(path, DOCS)
    path.write_bytes(b"text")
    with pytest.raises(CirqueError, match=r"a\.pkl: not a pickle"):
        unpickling.read(path, DOCS)
