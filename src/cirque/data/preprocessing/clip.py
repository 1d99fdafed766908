"""OpenAI's CLIP transform: resize the shorter side with PIL's bicubic filter and crop the centre."""

from PIL import Image

from cirque.data.preprocessing import Step


def resized(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height once the shorter side is `size`; the longer side is cut to whole pixels."""
    if width <= height:
        return size, int(size * height / width)
    return int(size * width / height), size


def steps(width: int, height: int, size: int) -> list[Step]:
    """The resized picture."""
    return [("resized", resized(width, height, size))]


def apply(image: Image.Image, size: int) -> Image.Image:
    """The centre of the resized picture, [size, size]."""
    return centre(image.resize(resized(*image.size, size), Image.Resampling.BICUBIC), size)


def centre(image: Image.Image, size: int) -> Image.Image:
    """The centre of a resized picture; halves are rounded to even as torchvision does."""
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))
