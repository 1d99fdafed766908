"""Pic2Word's object composition out of COCO's instances: which region asks, and what is left of its picture (§4.2).

Of each picture one instance is drawn among those whose box is smaller than half of it; the names of all other
categories of the picture are the query's text. What lies outside of the instance's mask is painted white.

The released code draws without a seed and its draw was not published. Here a draw belongs to (seed, image), so that
neither the order of the pictures nor their number changes it.
"""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from cirque import draws
from cirque.errors import CirqueError

Mask = npt.NDArray[np.bool_]
Box = tuple[float, float, float, float]

#: Area of a candidate's box: more than so many square pixels (meant as a share, released as pixels: nearly no bound) …
SMALLEST_AREA = 0.05

#: … and less than this share of the picture.
LARGEST_SHARE = 0.5

WHITE = 255

#: Polygons are drawn so many times too large: corners lie at even places, a pixel is decided at its odd middle.
FINE = 10


@dataclass(frozen=True)
class Instance:
    """One annotation: its box (x, y, width, height in pixels), its category's name, its outline as COCO writes it."""

    box: Box
    label: str
    segmentation: Any


@dataclass(frozen=True)
class Region:
    """What asks: an instance of a picture, and the names of the picture's other categories."""

    instance: Instance
    others: list[str]

    def corners(self) -> Box:
        """Left, top, right and bottom in pixels."""
        x, y, width, height = self.instance.box
        return x, y, x + width, y + height


# ---- the draw ------------------------------------------------------------------------------------------------------


def is_candidate(box: Box, height: int, width: int) -> bool:
    """Whether a box (x, y, width, height) in a picture of `height` × `width` pixels may be drawn.

    One without a whole pixel could not be shown.
    """
    x, y, box_width, box_height = box
    has_pixel = int(x + box_width) > int(x) and int(y + box_height) > int(y)
    return has_pixel and SMALLEST_AREA < box_width * box_height < LARGEST_SHARE * height * width


def draw_region(seed: int, image_id: int, instances: Sequence[Instance], height: int, width: int) -> Region | None:
    """Draw one candidate of a picture, each equally likely; None where it has none.

    Args:
        seed: of the run.
        image_id: COCO's number of the picture.
        instances: all annotations of the picture, crowds too, in the order of the file.
        height: of the picture in pixels.
        width: of the picture in pixels.
    """
    candidates = [instance for instance in instances if is_candidate(instance.box, height, width)]
    if not candidates:
        return None
    place = draws.generator(seed, "coco composition", image_id).integers(len(candidates))
    drawn = candidates[place]
    labels = dict.fromkeys(instance.label for instance in instances)
    return Region(drawn, [label for label in labels if label != drawn.label])


# ---- masks ---------------------------------------------------------------------------------------------------------


def mask_of(segmentation: Any, height: int, width: int) -> Mask:
    """Decode an annotation's `segmentation`: [height, width].

    Args:
        segmentation: a list of polygons, or {size, counts} with counts as a list or as COCO's compressed text.
        height: of the picture in pixels.
        width: of the picture in pixels.

    Raises:
        CirqueError: it is none of these, or is of a picture of another size; file and record are the caller's to say.
    """
    if isinstance(segmentation, list):
        return polygon_mask(segmentation, height, width)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise CirqueError(f"segmentation: expected polygons, or size and counts, found {segmentation!r:.80}")
    if segmentation["size"] != [height, width]:
        raise CirqueError(f"segmentation is of size {segmentation['size']!r:.40}, its picture of [{height}, {width}]")
    counts = segmentation["counts"]
    return run_length_mask(decode_counts(counts) if isinstance(counts, str) else counts, height, width)


def polygon_mask(polygons: Sequence[Any], height: int, width: int) -> Mask:
    """Fill polygons, each a flat list x, y, x, y, … in pixels; the mask is their union [height, width].

    As in pycocotools, corners are rounded to fifths of a pixel and each pixel is decided at one point, here half a
    fifth from where corners can lie. Between corners PIL draws other lines than pycocotools: of jagged test polygons
    with two decimals 4 % of the border's pixels were in here and out there, 1 % the other way round.

    Raises:
        CirqueError: there is no polygon, or one is not a list of three points or more.
    """
    if not polygons:
        raise CirqueError("segmentation has no polygon")
    mask = np.zeros((height, width), dtype=np.bool_)
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2 or not _are_numbers(polygon):
            raise CirqueError(f"segmentation: expected x, y of three points or more, found {polygon!r:.80}")
        _fill(mask, polygon[::2], polygon[1::2])
    return mask


def _fill(mask: Mask, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Add one polygon to a mask; only the part of the picture that it lies in is drawn fine."""
    left, right = max(0, math.floor(min(xs))), min(mask.shape[1], math.ceil(max(xs)) + 1)
    top, bottom = max(0, math.floor(min(ys))), min(mask.shape[0], math.ceil(max(ys)) + 1)
    if left >= right or top >= bottom:
        return
    fine = Image.new("L", ((right - left) * FINE, (bottom - top) * FINE))
    corners = [
        (2 * int(FINE / 2 * x + 0.5) - FINE * left, 2 * int(FINE / 2 * y + 0.5) - FINE * top)
        for x, y in zip(xs, ys, strict=True)
    ]
    ImageDraw.Draw(fine).polygon(corners, fill=1)
    mask[top:bottom, left:right] |= np.asarray(fine)[FINE // 2 :: FINE, FINE // 2 :: FINE] > 0


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) and abs(value) < 1e6 for value in values)


def run_length_mask(counts: Any, height: int, width: int) -> Mask:
    """Decode run lengths, down each column and then the next, the first of pixels outside: [height, width].

    Raises:
        CirqueError: the runs are not whole numbers that add up to the picture's pixels.
    """
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise CirqueError(f"segmentation: counts must be whole numbers from 0 on, found {counts!r:.80}")
    if sum(counts) != height * width:
        raise CirqueError(f"segmentation: counts add up to {sum(counts)}, its picture has {height * width} pixels")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def decode_counts(text: str) -> list[int]:
    """Run lengths of COCO's compressed text.

    A number is written in base 32, lowest digit first, a letter (from `0` on) a digit; 32 is added to each but the
    last, and the highest bit of the last is the sign. From the fourth run on, the difference to the last but one of
    before is written instead of the length.

    Raises:
        CirqueError: another letter, or a text that ends within a number.
    """
    counts: list[int] = []
    for number in _signed_numbers(text):
        counts.append(number + counts[-2] if len(counts) > 2 else number)
    return counts


def _signed_numbers(text: str) -> Iterator[int]:
    number = place = 0
    for letter in text:
        digit = ord(letter) - ord("0")
        if not 0 <= digit < 64:
            raise CirqueError(f"segmentation: {letter!r} is no letter of compressed counts")
        number |= (digit & 31) << 5 * place
        place += 1
        if not digit & 32:
            yield number - (1 << 5 * place) if digit & 16 else number
            number = place = 0
    if place:
        raise CirqueError("segmentation: the compressed counts end within a number")


# ---- the picture ---------------------------------------------------------------------------------------------------


def whiten(picture: Image.Image, mask: Mask) -> Image.Image:
    """Paint all pixels outside of a mask [height, width] white; a grey picture stays grey.

    Raises:
        CirqueError: the picture is neither RGB nor grey, or is not of the mask's size.
    """
    if picture.mode not in ("RGB", "L"):
        raise CirqueError(f"is a picture of mode {picture.mode}; those of COCO are RGB or grey (L)")
    if (picture.height, picture.width) != mask.shape:
        raise CirqueError(
            f"is a picture of {picture.width} x {picture.height} pixels, its annotation says"
            f" {mask.shape[1]} x {mask.shape[0]}"
        )
    pixels = np.array(picture)
    pixels[~mask] = WHITE
    return Image.fromarray(pixels)


def jpeg(picture: Image.Image) -> bytes:
    """A picture as JPEG of PIL's own quality (75), as the released code saves it."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()
