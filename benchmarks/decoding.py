"""Decoding beside a device, and by another library: `python benchmarks/decoding.py [--libraries]`.

A simulated device takes as long for a batch as the threads need to decode one, without Python's interpreter, as a GPU
does that replays a graph. Printed are decoding alone and both together: if they overlap, together they take as long as
the slower, and one batch more, for which the device waits at the start. Pictures are drawn: JPEGs as a camera's, of
640 × 480 pixels and about 100 kB.

With `--libraries` PIL's decoder is timed beside torchvision's, whose pixels must be the same, alone and with all that
follows until the pixels of a tower: the processor time of one thread.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import torch
import tyro
from gpu import photographs
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from cirque.data.images import read_pixels
from cirque.data.preprocessing import targetpad
from cirque.data.shards import Sample
from cirque.encoders import extraction

SIZE, BATCH, DIM = 224, 64, 768


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


def compare_libraries(samples: list[Sample], rounds: int) -> None:
    """Print milliseconds a picture, of both decoders."""
    torch.set_num_threads(1)
    same = all(np.array_equal(by_pil(one.data), by_torchvision(one.data)) for one in samples)
    ways: dict[str, Callable[[bytes], Any]] = {
        "PIL, decoding alone": by_pil,
        "torchvision, decoding alone": by_torchvision,
        "PIL, pixels of a tower": lambda data: read_pixels(data, "targetpad", SIZE),
        "torchvision, likewise": lambda data: np.asarray(targetpad.apply(Image.fromarray(by_torchvision(data)), SIZE)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, decode in ways.items():
            start = time.thread_time()
            for one in samples:
                decode(one.data)
            found[name].append(1000 * (time.thread_time() - start) / len(samples))
    for name, times in found.items():
        print(f"{name:28s} {statistics.median(times):.2f} ms ({min(times):.2f} to {max(times):.2f})")
    print(f"their pixels are {'the same' if same else 'not the same'}")


def main(*, images: int = 1280, threads: int = 2, rounds: int = 5, libraries: bool = False) -> None:
    """Print the times and their ratio.

    Args:
        images: How many, of one batch or more.
        threads: That decode.
        rounds: How often each is timed, in turn.
        libraries: Whether decoders are compared instead, on 32 of the images.
    """
    if libraries:
        compare_libraries(photographs(32), rounds)
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
