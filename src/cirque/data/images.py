"""From the bytes of an image file to the pixels that an image tower sees: decoding, then a preprocessing by its name.

As in the released code (SEARLE `src/data_utils.py`, OpenAI's CLIP transform), pictures are padded, resized and cropped
in the file's own mode, and only then turned into RGB. So a palette image is resized by nearest neighbour, padding is
palette entry 0 there and white in CMYK (no ink), and an EXIF orientation is not applied. Every file either decodes
whole or is a `BadImage` with its reason; see docs/data.md#bad-images.
"""

import io
import threading
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cirque.data import preprocessing
from cirque.errors import CirqueError
from cirque.families import PREPROCESSINGS

#: Largest picture, decoded or on the way to the crop: 2^28 pixels, at PIL's four bytes a pixel 1 GiB.
MAX_PIXELS = 2**28

#: Pictures above this many pixels are worked on one at a time, so that threads do not add up their memory.
LARGE_PIXELS = 2**25

#: What may lie in an image set. PIL's other readers (EPS starts a program, for one) stay shut.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")

_one_large_at_a_time = threading.Lock()

# CIRR asks for PIL's limit to be off; the limits above are checked instead, before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


#: In place of the bytes of a picture that could not be derived from its file; its reason follows.
NO_PICTURE = b"no picture: "


class BadImage(Exception):  # noqa: N818  (the reason is what is wanted of it: it becomes the image's status)
    """A file that gives no pixels; `str()` of it is the reason."""


# ---- decoding ------------------------------------------------------------------------------------------------------


def decode(data: bytes) -> Image.Image:
    """Decode an image file by its header, whatever its name says.

    Returns:
        The whole picture in the file's own mode, except that 16-bit grey is scaled to 8 bits (mode L).

    Raises:
        BadImage: the file is empty, cut short, no image, or larger than `MAX_PIXELS`.
    """
    return _load(_open(data))


def _open(data: bytes) -> Image.Image:
    """Read the header only."""
    if not data:
        raise BadImage("empty file")
    if data.startswith(NO_PICTURE):
        raise BadImage(data.removeprefix(NO_PICTURE).decode(errors="replace"))
    data = _without_texts(data)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise BadImage(f"not an image ({', '.join(FORMATS)})") from error
    except MemoryError:
        raise
    except Exception as error:  # PIL's readers raise whatever their parsing meets in a damaged header
        raise BadImage(f"header cannot be read: {error}") from error
    _refuse_giant(image.size, "")
    return image


def _without_texts(data: bytes) -> bytes:
    """A PNG without its texts and profile, on which PIL has limits: pixels decide whether a picture is one."""
    if not data.startswith(_PNG):
        return data
    kept, start = [_PNG], len(_PNG)
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if data[start + 4 : start + 8] not in _PNG_TEXTS:
            kept.append(data[start:end])
        start = end
    return b"".join([*kept, data[start:]])


def _refuse_giant(size: tuple[int, int], when: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise BadImage(f"{width} x {height} pixels{when} exceed the limit of {MAX_PIXELS:,} pixels")


def _load(image: Image.Image) -> Image.Image:
    """Decode the pixels of an opened image."""
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # as above: a damaged file fails in many ways
        raise BadImage(f"cannot be decoded: {error}") from error
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode == "F":
        raise BadImage("32-bit float pixels: their range is not known")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits, rounded; PIL's own conversion to RGB would clip all above 255 to white."""
    grey = np.asarray(image).astype(np.int64)
    if grey.min(initial=0) < 0 or grey.max(initial=0) > 65535:
        raise BadImage("32-bit integer pixels: their range is not known")
    return Image.fromarray(((grey * 255 + 32767) // 65535).astype(np.uint8))


# ---- preprocessing -------------------------------------------------------------------------------------------------


def _largest_step(width: int, height: int, kind: str, size: int) -> int:
    """Pixels of the largest picture between file and crop.

    Raises:
        BadImage: a picture so long and thin that a step of its preprocessing would make a giant of it.
    """
    sizes = [(width, height)]
    for how, made in preprocessing.load(kind).steps(width, height, size):
        _refuse_giant(made, f" ({how} from {width} x {height})")
        sizes.append(made)
    return max(w * h for w, h in sizes)


def crop_pixels(image: Image.Image, kind: str, size: int) -> NDArray[np.uint8]:
    """Pixels of the crop that an image tower sees, [size, size, 3]; of a preprocessing that keeps it, of its own size.

    Args:
        image: decoded.
        kind: name of the preprocessing.
        size: side of the crop (pixels).

    Raises:
        BadImage: the picture is too long and thin, or its mode has no RGB.
        CirqueError: there is no such preprocessing, or it makes pictures of another size.
    """
    _largest_step(*image.size, kind, size)
    how = preprocessing.load(kind)
    try:
        crop = how.apply(image, size).convert("RGB")
    except (ValueError, OSError) as error:
        raise BadImage(f"mode {image.mode} has no way to RGB: {error}") from error
    if crop.size != (size, size) and not getattr(how, "KEEPS_SIZE", False):
        raise CirqueError(
            f"preprocessing {kind}: makes a picture of {crop.width} × {crop.height} pixels out of {image.width} ×"
            f" {image.height}, the tower reads {size} × {size}; mend `apply` in {PREPROCESSINGS.module(kind)}"
        )
    return np.asarray(crop)


def read_pixels(data: bytes, kind: str, size: int) -> NDArray[np.uint8]:
    """Bytes of a file to the pixels of its crop, [size, size, 3]; safe to call from many threads.

    Raises:
        BadImage: see `decode` and `crop_pixels`.
    """
    image = _open(data)
    large = _largest_step(*image.size, kind, size) > LARGE_PIXELS
    with _one_large_at_a_time if large else nullcontext():
        return crop_pixels(_load(image), kind, size)
