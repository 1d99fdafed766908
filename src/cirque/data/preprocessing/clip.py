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
    return centre(image, size, Image.Resampling.BICUBIC)


def centre(image: Image.Image, size: int, resampling: Image.Resampling) -> Image.Image:
    """The centre of the picture resized by some filter; halves are rounded to even as torchvision does."""
    image = image.resize(resized(*image.size, size), resampling)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))
