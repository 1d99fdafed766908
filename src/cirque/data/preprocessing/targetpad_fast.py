"""SEARLE's "target ratio" as `targetpad` pads to it, then CLIP's transform as `clip_fast` makes it."""

from PIL import Image

from cirque.data.preprocessing import Step, clip_fast, targetpad


def steps(width: int, height: int, size: int) -> list[Step]:
    """The padded and the resized picture."""
    return targetpad.steps(width, height, size)


def apply(image: Image.Image, size: int) -> Image.Image:
    """The padded picture as CLIP crops it, [size, size]."""
    return clip_fast.apply(targetpad.padded(image), size)
