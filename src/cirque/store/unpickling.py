"""Read a pickle without running anything that the file names.

A pickle may call any function of any module, and even NumPy's own `ndarray` can be called so that the process dies.
Here nothing is called but stand-ins: they keep what an array, a type or a number is made of, and plain lists and
numbers come out.
"""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cirque.errors import CirqueError
from cirque.store import provenance


class _Array:
    """What an array was pickled as."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, data = state
        if not isinstance(kind, _Type) or not all(type(side) is int for side in shape):
            raise pickle.UnpicklingError("an array without a type or a shape")
        if isinstance(data, list):
            flat = np.empty(len(data), dtype=object)
            flat[:] = data
        else:
            flat = kind.numbers(data)
        self.array = flat.reshape(tuple(shape), order="F" if fortran else "C")


class _Type:
    """What a type of numbers was pickled as: `i8`, `f4`, `O8`."""

    def __init__(self, code: Any, *_: Any) -> None:
        self.code, self.order = str(code), "|"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "|"

    def numbers(self, data: Any) -> "np.ndarray[Any, Any]":
        """The numbers that some bytes hold; Python 2 wrote them as text."""
        if self.code[:1] not in tuple("biuf") or not self.code[1:].isdigit():
            raise pickle.UnpicklingError(f"an array of type {self.code!r:.20}")
        raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        return np.frombuffer(raw, dtype=np.dtype(self.order + self.code))


class _Kind:
    """What a pickle calls `numpy.ndarray`; it is only ever named."""


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _scalar(kind: _Type, data: Any) -> Any:
    return kind.numbers(data)[0].item()


def _container(kind: type) -> Any:
    def build(content: Any = ()) -> Any:
        return kind(content) if isinstance(content, list | tuple | set | frozenset | dict) else kind()

    return build


_ADMITTED = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Kind,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{
        (module, kind.__name__): _container(kind)
        for module in ("builtins", "__builtin__")
        for kind in (list, tuple, dict, set, frozenset)
    },
}


class _Unpickler(pickle.Unpickler):
    """Admits stand-ins alone."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = _ADMITTED.get((module_name, global_name))
        if found is None:
            raise _ForbiddenError(f"{module_name}.{global_name}")
        return found

    def persistent_load(self, pid: Any) -> Any:
        raise _ForbiddenError(f"the persistent object {pid!r:.40}")


class _ForbiddenError(Exception):
    """What a pickle names and must not."""


def read(path: Path, docs: str) -> Any:
    """The value of a pickle, as lists, dictionaries, texts and numbers.

    Args:
        path: The file.
        docs: Where the documentation says how to get it, for messages.

    Raises:
        CirqueError: the file is missing, is no pickle, or names anything but arrays and containers; none of what it
            names was run.
    """
    return _read(path, docs, "a pickle", lambda content: None)


def read_npy(path: Path, docs: str) -> Any:
    """The value of a `.npy` file that holds one pickled object; see `read`."""
    return _read(path, docs, "a .npy file of one pickled object", _skip_header)


def _read(path: Path, docs: str, what: str, skip_header: Callable[[io.BytesIO], None]) -> Any:
    provenance.read(path)
    try:
        content = io.BytesIO(path.read_bytes())
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such file; see {docs}") from error
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        skip_header(content)
        return _plain(_Unpickler(content, encoding="latin-1").load())
    except _ForbiddenError as error:
        raise CirqueError(
            f"{path}: its pickle names {error}, which is neither an array nor a container, so that it was not run; get"
            f" the official file again ({docs})"
        ) from error
    except Exception as error:  # a broken pickle raises anything
        raise CirqueError(f"{path}: not {what} ({error!s:.120}); get the official file again ({docs})") from error


def _skip_header(content: io.BytesIO) -> None:
    version = np.lib.format.read_magic(content)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, kind = header(content)
    if kind != np.dtype(object):
        raise ValueError(f"an array of {kind}")


def _plain(value: Any) -> Any:
    """Lists, dictionaries, texts and numbers of what was unpickled."""
    if isinstance(value, _Array):
        return _plain(value.array.tolist())
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise ValueError(f"a value of type {type(value).__name__}")
