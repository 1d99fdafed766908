"""How the pictures of CSS are named and stored; both views of an image have one name."""

import io
from typing import Any

import numpy as np
from PIL import Image


def image_id(split: str, number: int) -> str:
    """`css_train_000017`."""
    return f"css_{split}_{number:06d}"


def file_name(split: str, number: int) -> str:
    """`css_train_000017.png`."""
    return f"{image_id(split, number)}.png"


def png(picture: "np.ndarray[Any, np.dtype[np.uint8]]") -> bytes:
    """A picture's bytes as PNG, without any date."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return content.getvalue()
