"""What an image tower reads, by plain arithmetic."""

import numpy as np
from PIL import Image

from cirque.data import images


def preprocess(image: Image.Image, kind: str, size: int, mean, std) -> np.ndarray:
    """Cropped pixels scaled to 0…1, less the mean and divided by the deviation of each channel: [3, size, size]."""
    scaled = images.crop_pixels(image, kind, size).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    mean, std = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in (mean, std))
    return (scaled - mean) / std
