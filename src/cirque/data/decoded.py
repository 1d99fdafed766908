"""Decoded images of a whole set in one file, mapped into memory: for trainings that see each of them many times.

    decoded.write(path, pictures, n_images=1267)
    pixels = decoded.read(path, n_images=1267)  # uint8 [n, height, width, 3], in gallery order

The file is NumPy's own format, so that a training reads the rows of its batch and no others.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cirque.errors import CirqueError
from cirque.store import arrays, files, provenance

Pixels = NDArray[np.uint8]


def write(path: Path, pictures: Iterable[tuple[str, Pixels | str]], n_images: int) -> None:
    """Write the pictures of a set in their order.

    Args:
        path: file to write, .npy.
        pictures: image id, and pixels [height, width, 3] or the reason why there are none.
        n_images: how many there are.

    Raises:
        CirqueError: one does not decode, or has another size than the first.
    """
    shape: tuple[int, ...] | None = None
    first = ""
    with files.atomic(path) as partial, partial.open("wb") as stream:
        for name, picture in pictures:
            if isinstance(picture, str):
                raise CirqueError(f"image {name}: {picture}; replace its file and run Snakemake again")
            if shape is None:
                shape, first = picture.shape, name
                header = {"descr": "|u1", "fortran_order": False, "shape": (n_images, *shape)}
                np.lib.format.write_array_header_1_0(stream, header)
            if picture.shape != shape:
                raise CirqueError(
                    f"image {name}: {picture.shape[1]} × {picture.shape[0]} pixels, but {first} has {shape[1]} ×"
                    f" {shape[0]}; pictures that are not resized must have one size"
                )
            stream.write(np.ascontiguousarray(picture).tobytes())


def read(path: Path, n_images: int) -> Pixels:
    """The pictures of a set, mapped: nothing is read until it is asked for.

    Raises:
        CirqueError: the file is missing, cut short, or of another set.
    """
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; ask Snakemake for it (snakemake -c8 {path})")
    provenance.read_unaltered(path)
    pixels: Pixels = arrays.read(path, provenance.cure(path))
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) != n_images:
        raise CirqueError(
            f"{path}: holds {pixels.dtype} of shape {pixels.shape}, not pixels of {n_images:,} images;"
            f" {provenance.cure(path)}"
        )
    return pixels
