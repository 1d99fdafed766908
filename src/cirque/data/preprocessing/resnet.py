"""TIRG's transform of Fashion200k and MIT-States (TIRG §7): RGB first, shorter side by bilinear filter, centre."""

from PIL import Image

from cirque.data.preprocessing import Step, clip


def steps(width: int, height: int, size: int) -> list[Step]:
    """The resized picture."""
    return clip.steps(width, height, size)


def apply(image: Image.Image, size: int) -> Image.Image:
    """The centre of the resized picture, [size, size]."""
    image = image.convert("RGB").resize(clip.resized(*image.size, size), Image.Resampling.BILINEAR)
    return clip.centre(image, size)
