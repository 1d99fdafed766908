"""CLIP's transform by torch's bicubic filter of bytes, which is faster; a pixel differs from `clip`'s by a bit or two.

The filter is PIL's, with weights of 16 bits. What torch does not resize as PIL does has `clip`'s very pixels. Times
and distances: docs/performance.md#decoding-beside-a-device.
"""

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from cirque.data.preprocessing import Step, clip

#: Modes whose bands PIL resizes each for itself, all that a JPEG has; palettes and alpha it treats otherwise.
PLAIN = ("L", "RGB", "CMYK")

#: Of a picture taller than so many times its width PIL resizes the height first, torch never; bytes are cut between.
TALL = 2


def steps(width: int, height: int, size: int) -> list[Step]:
    """The resized picture."""
    return clip.steps(width, height, size)


def apply(image: Image.Image, size: int) -> Image.Image:
    """The centre of the resized picture, [size, size]."""
    if image.mode not in PLAIN or image.height > TALL * image.width:
        return clip.apply(image, size)
    return clip.centre(_resize(image, clip.resized(*image.size, size)), size)


def _resize(image: Image.Image, wanted: tuple[int, int]) -> Image.Image:
    """A picture of plain bands, resized to a width and height."""
    # Bands come last in memory: so PIL gives them, and so torch's kernel reads them without a copy.
    bands = torch.from_numpy(np.array(image)).view(1, image.height, image.width, -1).permute(0, 3, 1, 2)
    made = functional.interpolate(bands, size=wanted[::-1], mode="bicubic", antialias=True)
    return Image.frombytes(image.mode, wanted, made[0].permute(1, 2, 0).numpy().tobytes())
