"""Decoding beside a device: `python benchmarks/decoding.py`.

A simulated device takes as long for a batch as the threads need to decode one, without Python's interpreter, as a GPU
does that replays a graph. Printed are decoding alone and both together: if they overlap, together they take as long as
the slower, and one batch more, for which the device waits at the start. Pictures are drawn: JPEGs as a camera's, of
640 × 480 pixels and about 100 kB.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tyro
from gpu import photographs

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


def main(*, images: int = 1280, threads: int = 2, rounds: int = 5) -> None:
    """Print the three times and their ratio.

    Args:
        images: How many, of one batch or more.
        threads: That decode.
        rounds: How often each is timed, in turn.
    """
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
