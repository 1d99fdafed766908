"""The fast preprocessings beside the exact ones, whose pictures they make up to a bit or two."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cirque.data import preprocessing
from cirque.data.images import BadImage, crop_pixels, read_pixels
from cirque.families import PREPROCESSINGS
from cirque.plan.layers import read
from tests.conftest import REPOSITORY

KINDS = ("clip", "targetpad")

#: A camera's, ImageNet's, upright, long, one that nothing divides, and one to be magnified.
SIZES = ((640, 480), (500, 375), (375, 500), (900, 300), (1283, 961), (120, 90))


def photograph(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Smooth colours and a camera's noise."""
    generator, (width, height) = np.random.default_rng(seed), size
    coarse = generator.integers(0, 256, (max(1, height // 16), max(1, width // 16), 4), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse, "RGBA").resize(size, Image.Resampling.BICUBIC))
    pixels = np.clip(smooth + generator.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    if mode == "CMYK":
        return Image.frombytes(mode, size, pixels.tobytes())
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3])).convert(mode)


def sharp(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Black and white at random: what a filter overshoots at most."""
    bands = np.random.default_rng(seed).integers(0, 2, (size[1], size[0], 4)) * 255
    image = Image.frombytes("CMYK" if mode == "CMYK" else "RGBA", size, bands.astype(np.uint8).tobytes())
    return image if mode in ("CMYK", "RGBA") else image.convert("RGB").convert(mode)


def encoded(image: Image.Image, kind: str = "JPEG", **how: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def distances(exact: np.ndarray, fast: np.ndarray) -> np.ndarray:
    assert fast.shape == exact.shape
    assert fast.dtype == np.uint8
    return np.abs(fast.astype(int) - exact)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", SIZES)
def test_a_jpeg_has_the_exact_pixels_up_to_a_bit_or_two(kind: str, mode: str, size: tuple[int, int]):
    data = encoded(photograph(size, mode), quality=85)
    assert Image.open(io.BytesIO(data)).mode == mode
    far = distances(read_pixels(data, kind, 224), read_pixels(data, f"{kind}_fast", 224))
    assert far.max() <= 2
    assert far.mean() < 0.02


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["RGB", "L"]), st.integers(1, 48), st.data())
def test_no_picture_is_further_off_than_rounding_takes_it(width: int, height: int, mode: str, size: int, data):
    image = sharp((width, height), mode, data.draw(st.integers(0, 1000)))
    for kind in KINDS:
        assert distances(crop_pixels(image, kind, size), crop_pixels(image, f"{kind}_fast", size)).max() <= 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mode", "format_"), [("P", "PNG"), ("P", "GIF"), ("1", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("LAB", "TIFF")]
)
def test_palettes_alpha_and_other_colours_have_the_very_pixels(kind: str, mode: str, format_: str):
    image = Image.frombytes("LAB", (300, 200), bytes(180_000)) if mode == "LAB" else sharp((300, 200), mode)
    data = encoded(image, format_)
    assert not distances(read_pixels(data, kind, 64), read_pixels(data, f"{kind}_fast", 64)).any()


def test_a_picture_more_than_twice_as_tall_as_wide_has_the_very_pixels():
    # PIL resizes such a picture's height first; torch's order would show in sharp edges.
    image = sharp((100, 201))
    assert not distances(crop_pixels(image, "clip", 64), crop_pixels(image, "clip_fast", 64)).any()
    image = sharp((100, 200))
    assert 0 < distances(crop_pixels(image, "clip", 64), crop_pixels(image, "clip_fast", 64)).max() <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_exif_orientation_is_not_applied(kind: str):
    exif, image = Image.Exif(), photograph((400, 300))
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    turned, plain = (read_pixels(encoded(image, **how), f"{kind}_fast", 64) for how in ({"exif": exif}, {}))
    np.testing.assert_array_equal(turned, plain)


def test_padding_is_black_in_rgb_and_no_ink_in_cmyk():
    for mode, edge in (("RGB", (0, 0, 0)), ("CMYK", (255, 255, 255))):
        pixels = crop_pixels(Image.new(mode, (300, 100), 128), "targetpad_fast", 50)
        assert tuple(pixels[0, 25]) == edge


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_exact_one_refuses_is_refused_for_the_same_reason(kind: str):
    whole = encoded(photograph((640, 480)))
    for data in (b"", b"<html>", whole[: len(whole) // 2]):
        with pytest.raises(BadImage) as exact:
            read_pixels(data, kind, 64)
        with pytest.raises(BadImage) as fast:
            read_pixels(data, f"{kind}_fast", 64)
        assert str(exact.value) == str(fast.value)
    exact_steps, fast_steps = (preprocessing.load(name).steps(3000, 7, 64) for name in (kind, f"{kind}_fast"))
    assert exact_steps == fast_steps


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_the_same_from_many_threads(kind: str):
    files = [encoded(photograph((320, 240), seed=seed)) for seed in range(8)]
    alone = [read_pixels(data, f"{kind}_fast", 64) for data in files]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: read_pixels(data, f"{kind}_fast", 64), files))
    np.testing.assert_array_equal(alone, together)


def test_no_configuration_of_the_project_asks_for_a_fast_one():
    fast = {f"{kind}_fast" for kind in KINDS}
    assert fast < set(PREPROCESSINGS.names())

    def words(entry: object) -> set[str]:
        if isinstance(entry, dict):
            return set().union(*map(words, entry.values()))
        return {entry} if isinstance(entry, str) else set()

    files = sorted((REPOSITORY / "config").glob("*.yaml"))
    scales = [file for file in files if not file.name.endswith("schema.yaml")]
    assert len(scales) >= 3
    assert not {file.name: words(read(file)) & fast for file in scales if words(read(file)) & fast}
