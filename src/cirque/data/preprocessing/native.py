"""Nothing: CSS pictures as they are, 180 × 120 pixels (TIRG §7). All of an image set must have one size."""

from PIL import Image

from cirque.data.preprocessing import Step

#: Pictures keep their size, whatever a tower asks for.
KEEPS_SIZE = True


def steps(width: int, height: int, size: int) -> list[Step]:
    """None."""
    return []


def apply(image: Image.Image, size: int) -> Image.Image:
    """The picture itself."""
    return image
