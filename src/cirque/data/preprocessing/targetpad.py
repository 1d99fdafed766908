"""SEARLE's "target ratio" (§4.1): a long picture is padded to 1.25, then CLIP's own transform follows."""

from PIL import Image, ImageOps

from cirque.data.preprocessing import Step, clip

#: A picture longer than this is padded to it.
PAD_RATIO = 1.25


def padding(width: int, height: int, ratio: float = PAD_RATIO) -> tuple[int, int]:
    """Border in pixels: (left and right, top and bottom)."""
    longer, shorter = max(width, height), min(width, height)
    if longer / shorter < ratio:
        return 0, 0
    side = longer / ratio
    return max(int((side - width) / 2), 0), max(int((side - height) / 2), 0)


def steps(width: int, height: int, size: int) -> list[Step]:
    """The padded and the resized picture."""
    horizontal, vertical = padding(width, height)
    padded = (width + 2 * horizontal, height + 2 * vertical)
    return [("padded", padded), *clip.steps(*padded, size)]


def apply(image: Image.Image, size: int) -> Image.Image:
    """The padded picture as CLIP crops it, [size, size]."""
    return clip.apply(padded(image), size)


def padded(image: Image.Image) -> Image.Image:
    """The picture, padded with the value 0 of its own mode."""
    horizontal, vertical = padding(*image.size)
    if not (horizontal or vertical):
        return image
    fill = (0,) * len(image.getbands()) if len(image.getbands()) > 1 else 0
    return ImageOps.expand(image, (horizontal, vertical), fill)
