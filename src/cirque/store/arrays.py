"""Arrays in NumPy's own format, mapped into memory: nothing but the header is read until it is asked for.

pixels = arrays.read(Path("decoded.npy"), provenance.cure(path))
"""

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cirque.errors import CirqueError

#: What NumPy raises for a header that is none: it is read as Python's literals, by Python's own tokenizer if need be.
_FAULTS = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
    KeyError,
    OverflowError,
    RecursionError,
    tokenize.TokenError,
)


def read(path: Path, cure: str) -> NDArray[Any]:
    """An array of numbers.

    Args:
        path: a .npy file.
        cure: what helps against a broken one.

    Raises:
        CirqueError: the file is no array, holds objects, or has fewer bytes than its header says.
    """
    try:
        found: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except _FAULTS as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(f"{path}: no whole array of numbers ({first:.200}); {cure}") from error
    if found.dtype.kind not in "biuf":
        raise CirqueError(f"{path}: holds {found.dtype}, no numbers; {cure}")
    return found
