import io
import math
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.transform import image_transform
from PIL import Image, ImageFile
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor
from torchvision.transforms.functional import pad

from cirque.data import images
from cirque.data.images import BadImage, decode, read_pixels
from cirque.data.preprocessing.targetpad import padding
from cirque.errors import CirqueError
from cirque.families import PREPROCESSINGS
from tests import members
from tests.plain_images import preprocess

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

THERE = ["clip", "clip_fast", "native", "resnet", "targetpad", "targetpad_fast"]

MODES = ("RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "YCbCr", "LAB")
SIZES = [
    (64, 64),
    (80, 64),
    (81, 64),
    (64, 81),
    (150, 40),
    (37, 211),
    (10, 7),
    (333, 217),
    (224, 280),
    (281, 224),
    (1, 5),
]


def noise(size: tuple[int, int], mode: str, seed: int = 0) -> Image.Image:
    """A picture of random pixels and smooth gradients in any mode."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    pixels[: height // 2] = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    if mode in ("RGBA", "CMYK"):
        return Image.frombytes(mode, size, pixels.tobytes())
    if mode == "LAB":
        return Image.frombytes("LAB", size, pixels[..., :3].tobytes())
    image = Image.fromarray(pixels[..., :3])
    if mode == "P":
        return image.quantize(17)
    if mode == "LA":
        image = Image.frombytes("RGBA", size, pixels.tobytes())
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def pad_as_defined(image: Image.Image) -> Image.Image:
    """The definition of targetpad, in torchvision's words."""
    width, height = image.size
    if max(width, height) / min(width, height) < 1.25:
        return image
    side = max(width, height) / 1.25
    horizontal, vertical = (max(math.floor((side - edge) / 2), 0) for edge in (width, height))
    return pad(image, [horizontal, vertical, horizontal, vertical], 0, "constant")


def by_definition(image: Image.Image, kind: str, size: int) -> torch.Tensor:
    steps = [
        Resize(size, InterpolationMode.BICUBIC),
        CenterCrop(size),
        lambda picture: picture.convert("RGB"),
        ToTensor(),
        Normalize(MEAN, STD),
    ]
    return Compose([pad_as_defined, *steps] if kind == "targetpad" else steps)(image)


# ---- preprocessing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["targetpad", "clip"])
@pytest.mark.parametrize("mode", MODES)
def test_preprocessing_equals_its_definition_in_every_mode_and_size(kind: str, mode: str):
    for shape in SIZES:
        image = noise(shape, mode)
        ours = preprocess(image, kind, 32, MEAN, STD)
        assert ours.shape == (3, 32, 32)
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, by_definition(image, kind, 32).numpy(), err_msg=str(shape))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
def test_clip_preprocessing_equals_that_of_open_clip(mode: str):
    official = image_transform(224, is_train=False, mean=MEAN, std=STD)
    for shape in [(500, 375), (375, 500), (300, 301), (224, 224), (100, 90)]:
        image = noise(shape, mode)
        np.testing.assert_array_equal(preprocess(image, "clip", 224, MEAN, STD), official(image).numpy())


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["RGB", "L", "P", "RGBA"]), st.integers(1, 48))
def test_targetpad_equals_its_definition_at_any_size(width: int, height: int, mode: str, size: int):
    image = noise((width, height), mode)
    ours = preprocess(image, "targetpad", size, MEAN, STD)
    np.testing.assert_array_equal(ours, by_definition(image, "targetpad", size).numpy())


def test_a_ratio_below_the_target_is_not_padded_and_the_target_itself_gives_zero():
    assert padding(124, 100) == (0, 0)
    assert padding(125, 100) == (0, 0)
    assert padding(100, 125) == (0, 0)


def test_padding_is_rounded_down():
    assert padding(300, 100) == (0, 70)  # side 240: (240 - 100) / 2
    assert padding(301, 100) == (0, 70)  # side 240.8: 70.4
    assert padding(100, 303) == (71, 0)  # side 242.4: 71.2
    assert padding(127, 100) == (0, 0)  # side 101.6: 0.8


def test_padding_is_black_in_rgb_and_no_ink_in_cmyk():
    for mode, edge in (("RGB", (0, 0, 0)), ("CMYK", (255, 255, 255))):
        pixels = images.crop_pixels(Image.new(mode, (300, 100), 128), "targetpad", 50)
        assert tuple(pixels[0, 25]) == edge


def test_padding_of_a_palette_image_is_its_entry_zero():
    image = Image.new("P", (300, 100), 1)
    image.putpalette([200, 10, 20, 0, 0, 255])
    pixels = images.crop_pixels(image, "targetpad", 50)
    assert tuple(pixels[0, 25]) == (200, 10, 20)
    assert tuple(pixels[25, 25]) == (0, 0, 255)


def test_pixels_of_a_file_are_those_of_the_decoded_picture():
    data = encoded(noise((333, 100), "RGB"), "PNG")
    pixels = read_pixels(data, "targetpad", 64)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, images.crop_pixels(decode(data), "targetpad", 64))


def test_a_mode_without_rgb_is_refused_with_its_name():
    with pytest.raises(BadImage, match="mode La has no way to RGB"):
        preprocess(Image.new("La", (50, 40)), "clip", 32, MEAN, STD)


def test_a_preprocessing_is_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path):
    text = """
from PIL import Image

def steps(width, height, size):
    return [("squeezed", (size, size))]

def apply(image, size):
    return image.resize((size, size), Image.Resampling.BILINEAR)
"""
    members.add(monkeypatch, tmp_path, PREPROCESSINGS, "squeeze", text)
    assert PREPROCESSINGS.names() == sorted(["squeeze", *THERE])
    picture = noise((60, 30), "RGB")
    pixels = read_pixels(encoded(picture, "PNG"), "squeeze", 24)
    np.testing.assert_array_equal(pixels, np.asarray(picture.resize((24, 24), Image.Resampling.BILINEAR)))


def test_a_preprocessing_that_makes_another_size_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path):
    text = "def steps(width, height, size):\n    return []\n\n\ndef apply(image, size):\n    return image\n"
    members.add(monkeypatch, tmp_path, PREPROCESSINGS, "untouched", text)
    with pytest.raises(CirqueError, match=r"untouched: makes a picture of 60 × 30 pixels.*reads 24 × 24; mend `apply`"):
        read_pixels(encoded(noise((60, 30), "RGB"), "PNG"), "untouched", 24)


def test_an_unknown_preprocessing_is_refused_with_those_there_are():
    with pytest.raises(CirqueError, match=f"no preprocessing is called 'squish'; there are {', '.join(THERE)}$"):
        read_pixels(encoded(noise((60, 30), "RGB"), "PNG"), "squish", 24)


# ---- decoding ------------------------------------------------------------------------------------------------------

GOOD = {
    "png": (noise((40, 30), "RGB"), "PNG", {}),
    "grey png": (noise((40, 30), "L"), "PNG", {}),
    "grey png with alpha": (noise((40, 30), "LA"), "PNG", {}),
    "palette png": (noise((40, 30), "P"), "PNG", {}),
    "palette png with transparency": (noise((40, 30), "P"), "PNG", {"transparency": bytes(range(17))}),
    "one-bit png": (noise((40, 30), "1"), "PNG", {}),
    "png with alpha": (noise((40, 30), "RGBA"), "PNG", {}),
    "jpeg": (noise((40, 30), "RGB"), "JPEG", {}),
    "progressive jpeg": (noise((40, 30), "RGB"), "JPEG", {"progressive": True}),
    "grey jpeg": (noise((40, 30), "L"), "JPEG", {}),
    "cmyk jpeg": (noise((40, 30), "CMYK"), "JPEG", {}),
    "gif": (noise((40, 30), "P"), "GIF", {}),
    "webp": (noise((40, 30), "RGB"), "WEBP", {}),
    "bmp": (noise((40, 30), "RGB"), "BMP", {}),
    "tiff": (noise((40, 30), "RGB"), "TIFF", {}),
    "compressed tiff": (noise((40, 30), "RGB"), "TIFF", {"compression": "tiff_lzw"}),
    "cmyk tiff": (noise((40, 30), "CMYK"), "TIFF", {}),
    "ppm": (noise((40, 30), "RGB"), "PPM", {}),
    "jpeg 2000": (noise((40, 30), "RGB"), "JPEG2000", {}),
}


def pixels_or_reason(data: bytes, kind: str, size: int) -> np.ndarray | str:
    try:
        return read_pixels(data, kind, size)
    except BadImage as reason:
        return str(reason)


@pytest.mark.parametrize("name", GOOD)
def test_every_usual_format_decodes_as_pillow_does(name: str):
    image, kind, how = GOOD[name]
    data = encoded(image, kind, **how)
    decoded = decode(data)
    assert decoded.mode == Image.open(io.BytesIO(data)).mode
    np.testing.assert_array_equal(np.asarray(decoded), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow warns of what it then refuses
@pytest.mark.parametrize("name", GOOD)
def test_a_truncated_file_is_refused_or_gives_all_its_pixels(name: str):
    image, kind, how = GOOD[name]
    data = encoded(image, kind, **how)
    whole = read_pixels(data, "clip", 32)
    refused = 0
    for length in [*range(0, len(data), max(1, len(data) // 120)), *range(len(data) - 20, len(data))]:
        pixels = pixels_or_reason(data[:length], "clip", 32)
        if isinstance(pixels, str):
            assert pixels
            refused += 1
        else:
            np.testing.assert_array_equal(pixels, whole, err_msg=f"cut to {length} of {len(data)} bytes")
    assert refused > 100


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow warns of what it then refuses
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_damaged_file_is_refused_or_decoded_and_never_crashes(name: str, data: st.DataObject):
    image, kind, how = GOOD[name]
    content = bytearray(encoded(image, kind, **how))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    pixels = pixels_or_reason(bytes(content), "targetpad", 16)
    if isinstance(pixels, str):
        assert pixels
        assert "0x" not in pixels  # an address would make the status differ from run to run
    else:
        assert pixels.shape == (16, 16, 3)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_image_are_refused(data: bytes):
    with pytest.raises(BadImage):
        decode(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html><title>404</title></html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
)
def test_a_file_without_picture_is_refused_with_the_reason(data: bytes, reason: str):
    with pytest.raises(BadImage, match=reason):
        decode(data)


def test_sixteen_bit_grey_is_scaled_and_not_clipped_to_white():
    ramp = np.linspace(0, 65535, 1000, dtype=np.uint16)[None, :].repeat(64, axis=0)
    for kind in ("PNG", "TIFF", "PPM"):
        decoded = decode(encoded(Image.fromarray(ramp), kind))
        assert decoded.mode == "L"
        np.testing.assert_array_equal(np.asarray(decoded), np.round(ramp / 257).astype(np.uint8))


def test_sixteen_bit_colour_keeps_its_upper_bytes():
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    values = np.random.default_rng(0).integers(0, 65536, (4, 4, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(np.asarray(decode(data)), (values >> 8).astype(np.uint8))


@pytest.mark.parametrize(("kind", "why"), [(np.float32, "32-bit float"), (np.int32, "32-bit integer")])
def test_pixels_of_unknown_range_are_refused(kind: type, why: str):
    pixels = np.linspace(0, 1e6, 64).reshape(8, 8).astype(kind)
    with pytest.raises(BadImage, match=why):
        decode(encoded(Image.fromarray(pixels), "TIFF"))


def test_the_name_of_a_file_does_not_matter_and_its_exif_orientation_is_not_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    data = encoded(noise((40, 30), "RGB"), "JPEG", exif=exif)
    assert decode(data).size == (40, 30)


def giant_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be a giant: the header is right, the pixels are missing."""
    data = encoded(Image.new("L", (1, 1)), "PNG")
    header = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((40_000, 40_000), "40000 x 40000 pixels exceed the limit of 268,435,456"),
        ((60_000, 1), "padded from 60000 x 1"),
    ],
)
def test_a_giant_is_refused_by_its_header_and_never_decoded(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], reason: str
):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    data = giant_png(*size)
    with pytest.raises(BadImage, match=reason):
        read_pixels(data, "targetpad", 224)


def test_a_hair_line_is_refused_where_resizing_would_make_a_giant_of_it():
    with pytest.raises(BadImage, match="resized from 60000 x 1"):
        preprocess(Image.new("L", (60_000, 1)), "clip", 224, MEAN, STD)


def test_a_picture_above_pillows_own_limit_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(images, "LARGE_PIXELS", 1000)  # works on it alone, as it would on a truly large one
    assert Image.MAX_IMAGE_PIXELS is None
    assert read_pixels(encoded(noise((60, 50), "RGB"), "PNG"), "clip", 8).shape == (8, 8, 3)


def test_pillow_is_not_stated_to_pass_over_missing_pixels():
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


@pytest.mark.parametrize("kind", [b"zTXt", b"tEXt", b"iTXt", b"iCCP"])
def test_a_png_is_a_picture_whatever_text_it_carries(kind: bytes):
    buffer = io.BytesIO()
    picture = Image.fromarray(np.arange(32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(32, 32, 3))
    picture.save(buffer, "PNG")
    plain = buffer.getvalue()
    content = {
        b"zTXt": b"Comment\0\0" + zlib.compress(b"x" * 2_000_000),
        b"tEXt": b"Comment\0" + b"x" * 2_000_000,
        b"iTXt": b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 2_000_000),
        b"iCCP": b"profile\0\0" + zlib.compress(b"x" * 80_000_000),
    }[kind]
    end = plain.index(b"IHDR") + 4 + 13 + 4  # texts stand behind the header
    assert np.array_equal(
        np.asarray(images.decode(plain[:end] + chunk(kind, content) + plain[end:])), np.asarray(picture)
    )


def test_a_picture_that_could_not_be_derived_keeps_its_own_reason():
    with pytest.raises(images.BadImage, match=r"^the region 1,1,1,1 holds no whole pixel$"):
        images.decode(images.NO_PICTURE + b"the region 1,1,1,1 holds no whole pixel")
