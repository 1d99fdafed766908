"""Decoding beside a device, and by another library: `python benchmarks/decoding.py [--libraries]`.

A simulated device takes as long for a batch as the threads need to decode one, without Python's interpreter, as a GPU
does that replays a graph. Printed are decoding alone and both together: if they overlap, together they take as long as
the slower, and one batch more, for which the device waits at the start. Pictures are drawn: JPEGs as a camera's, of
640 × 480 pixels and about 100 kB.

With `--libraries` PIL's decoder is timed beside torchvision's, whose pixels must be the same, alone and with all that
follows until the pixels of a tower: the processor time of one thread. Then ways to those pixels are timed, at several
sizes, and compared with `targetpad`, which is exact: `targetpad_fast`, and PIL decoding a JPEG at a half, a quarter or
an eighth of its size (`draft`), which no preprocessing does. Distances are of 255, and cosines of the features of
ViT-B/32 with random weights.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import torch
import tyro
from gpu import HEIGHT, WIDTH, photographs
from numpy.typing import NDArray
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from cirque.data.images import read_pixels
from cirque.data.preprocessing import targetpad
from cirque.data.shards import Sample
from cirque.encoders import clip, extraction

SIZE, BATCH, DIM = 224, 64, 768

#: Width and height of photographs: COCO's, ImageNet's, and large ones that no scale divides, or every one.
SIZES = ((WIDTH, HEIGHT), (500, 375), (1283, 961), (1920, 1280))


class Device:
    """Takes its time for a batch."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, pixels: Any) -> np.ndarray:
        """Features of a batch [n, DIM]."""
        time.sleep(self.seconds)
        return np.ones((len(pixels), DIM), dtype=np.float32)


def by_pil(data: bytes) -> np.ndarray:
    """Pixels [h, w, 3] of a JPEG."""
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def by_torchvision(data: bytes) -> np.ndarray:
    """Likewise."""
    pixels = decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
    return np.asarray(pixels.permute(1, 2, 0).contiguous().numpy())


def by_draft(data: bytes, margin: int) -> NDArray[np.uint8]:
    """Pixels of a tower, of a JPEG decoded so small that `margin` times what it is resized to remain."""
    image = Image.open(BytesIO(data))
    horizontal, vertical = targetpad.padding(*image.size)
    shorter = min(image.width + 2 * horizontal, image.height + 2 * vertical)
    image.draft(None, (margin * image.width * SIZE // shorter, margin * image.height * SIZE // shorter))
    return np.asarray(targetpad.apply(image, SIZE).convert("RGB"))


def milliseconds(ways: dict[str, Callable[[bytes], Any]], samples: list[Sample], rounds: int) -> dict[str, list[float]]:
    """Processor time of a picture by each way, as often as it was measured, in turn."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, decode in ways.items():
            start = time.thread_time()
            for one in samples:
                decode(one.data)
            found[name].append(1000 * (time.thread_time() - start) / len(samples))
    return found


def shown(times: list[float]) -> str:
    """Median, least and most."""
    return f"{statistics.median(times):6.2f} ms ({min(times):.2f} to {max(times):.2f})"


def compare_libraries(samples: list[Sample], rounds: int) -> None:
    """Print milliseconds a picture, of both decoders."""
    same = all(np.array_equal(by_pil(one.data), by_torchvision(one.data)) for one in samples)
    ways: dict[str, Callable[[bytes], Any]] = {
        "PIL, decoding alone": by_pil,
        "torchvision, decoding alone": by_torchvision,
        "PIL, pixels of a tower": lambda data: read_pixels(data, "targetpad", SIZE),
        "torchvision, likewise": lambda data: np.asarray(targetpad.apply(Image.fromarray(by_torchvision(data)), SIZE)),
    }
    for name, times in milliseconds(ways, samples, rounds).items():
        print(f"{name:28s} {shown(times)}")
    print(f"their pixels are {'the same' if same else 'not the same'}")


def compare_ways(samples: list[Sample], rounds: int) -> None:
    """Print milliseconds a picture from bytes to the pixels of a tower, and how far those are from the exact ones."""
    ways: dict[str, Callable[[bytes], NDArray[np.uint8]]] = {
        "targetpad": lambda data: read_pixels(data, "targetpad", SIZE),
        "targetpad_fast": lambda data: read_pixels(data, "targetpad_fast", SIZE),
        "drafted, 2 × the crop": lambda data: by_draft(data, 2),
        "drafted, 1 × the crop": lambda data: by_draft(data, 1),
    }
    times = milliseconds(ways, samples, rounds)
    name, device = "ViT-B-32-quickgelu", torch.device("cpu")
    torch.manual_seed(0)
    tower = clip.build(name, clip.read_config(name)).eval().requires_grad_(False)
    encode = extraction.encoder(tower.encode_image, clip.MEAN, clip.STD, device, torch.float32)
    pixels = {way: np.stack([decode(one.data) for one in samples]) for way, decode in ways.items()}
    exact = pixels.pop("targetpad")
    of_exact = encode(exact)
    print(f"{'targetpad':24s} {shown(times['targetpad'])}")
    for way, made in pixels.items():
        far, features = np.abs(made.astype(int) - exact), encode(made)
        norms = np.linalg.norm(features, axis=1) * np.linalg.norm(of_exact, axis=1)
        cosines = (features * of_exact).sum(1) / norms
        ratio = statistics.median(a / b for a, b in zip(times["targetpad"], times[way], strict=True))
        print(
            f"{way:24s} {shown(times[way])}, {ratio:.2f} times as fast; pixels differ by {far.mean():.3f}, at most"
            f" {far.max()}; cosine {cosines.mean():.6f}, at least {cosines.min():.6f}"
        )


def main(*, images: int = 1280, threads: int = 2, rounds: int = 5, libraries: bool = False) -> None:
    """Print the times and their ratio.

    Args:
        images: How many, of one batch or more.
        threads: That decode.
        rounds: How often each is timed, in turn.
        libraries: Whether decoders, and ways to the pixels of a tower, are compared instead, on 32 images each.
    """
    if libraries:
        torch.set_num_threads(1)
        compare_libraries(photographs(32), rounds)
        for width, height in SIZES:
            print(f"\nof {width} × {height}")
            compare_ways(photographs(32, width, height), rounds)
        return
    samples = photographs(images)
    n_batches = images // BATCH

    def decoded() -> Iterator[extraction.Decoded]:
        return extraction.decode_all(samples, "targetpad", SIZE, threads, ahead=2 * BATCH)

    def seconds_of_decoding() -> float:
        start = time.perf_counter()
        for _ in decoded():
            pass
        return time.perf_counter() - start

    def seconds_together(seconds: float) -> float:
        start = time.perf_counter()
        extraction.extract(decoded(), Device(seconds), DIM, BATCH, images)
        return time.perf_counter() - start

    seconds_of_decoding()
    alone, together, ratios = [], [], []
    for _ in range(rounds):
        alone.append(seconds_of_decoding())
        together.append(seconds_together(alone[-1] / n_batches))
        ratios.append(together[-1] / alone[-1])
    print(f"decoding alone, {threads} threads   {images / statistics.median(alone):.0f} images/s")
    print(f"beside a device as fast      {images / statistics.median(together):.0f} images/s")
    print(f"together / the slower        {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    tyro.cli(main)
