"""Ranking at the size of CIRCO's test, and of galleries on disk: `python benchmarks/ranking.py [--sizes 100000 …]`.

800 random queries against 123,403 random images: the best 50 and the rank of every ground truth,
beside the matrix product with torch's top-k alone, which ranks no ground truth.

With `--sizes` galleries of so many images are drawn to disk instead, and ranked as `python -m cirque rank` does: block
by block, in memory that does not grow with them. 10⁷ images of 768 numbers are 31 GB; the file is removed.
"""

import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from cirque.evaluation import ranking, streamed
from cirque.store import arrays

N_QUERIES, N_IMAGES, N_TARGETS = 800, 123_403, 5


def unit(generator: np.random.Generator, n: int, dim: int) -> np.ndarray:
    """Random rows of unit length [n, dim]."""
    rows = generator.standard_normal((n, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def draw(path: Path, n: int, dim: int) -> None:
    """A file of n random rows, drawn block by block."""
    stored = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, dim))
    generator = np.random.default_rng(0)
    for start in range(0, n, streamed.BLOCK):
        end = min(n, start + streamed.BLOCK)
        stored[start:end] = generator.random((end - start, dim), dtype=np.float32) - 0.5
    stored.flush()


class Watched:
    """Most memory of this process, looked at ten times a second; pages of a mapped file are not its own."""

    def __init__(self) -> None:
        self.most, self.is_over = 0.0, threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def _look(self) -> None:
        while not self.is_over.wait(0.1):
            lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
            own = next(line for line in lines if line.startswith("RssAnon"))
            self.most = max(self.most, int(own.split()[1]) / 2**20)

    def stop(self) -> float:
        """GiB at most."""
        self.is_over.set()
        self.thread.join()
        return self.most


def on_disk(sizes: tuple[int, ...], n_queries: int, dim: int) -> None:
    """Print what galleries take that are read block by block."""
    generator = np.random.default_rng(1)
    for n in sizes:
        with tempfile.TemporaryDirectory(prefix="cirque-", dir=Path.cwd()) as folder:
            path = Path(folder) / "gallery.npy"
            draw(path, n, dim)
            gallery = streamed.Images(arrays.read(path, "draw it again"))
            asked = [
                {
                    "query_id": str(i),
                    "reference_id": "0",
                    "target_ids": [str(one) for one in generator.integers(1, n, N_TARGETS)],
                }
                for i in range(n_queries)
            ]
            queries = unit(generator, n_queries, dim)
            held = Watched()
            start, used = time.perf_counter(), time.process_time()
            what = streamed.Asked.of(asked, queries, gallery, remove_reference=True)
            parts = [streamed.partial(what, gallery, blocks) for blocks in streamed.parts_of(gallery, 1)]
            streamed.merged(what, gallery, parts)
            wall, used = time.perf_counter() - start, time.process_time() - used
        print(
            f"{n:>12,} images x {dim}, {n_queries} queries: {wall:.1f} s, {used:.1f} s of the processors,"
            f" {1e6 * wall / n:.1f} s a million images; at most {held.stop():.2f} GiB beside the mapped file",
            flush=True,
        )


def main(
    *, rounds: int = 5, threads: int = 2, dim: int = 768, sizes: tuple[int, ...] = (), n_queries: int = 100
) -> None:
    """Print both times, interleaved, their ratio, and the peak memory of the process.

    Args:
        rounds: How often each is timed.
        threads: Of torch; numpy's products take their own number.
        dim: Of the features: 768 as of ViT-L/14, 512 as of ViT-B/32.
        sizes: Of galleries on disk, in place of CIRCO's (images).
        n_queries: That are asked of these.
    """
    if sizes:
        on_disk(sizes, n_queries, dim)
        return
    torch.set_num_threads(threads)
    generator = np.random.default_rng(0)
    images, queries = unit(generator, N_IMAGES, dim), unit(generator, N_QUERIES, dim)
    names = [str(number) for number in range(N_IMAGES)]
    gallery = ranking.Gallery(names, images, [""] * N_IMAGES)
    asked = [
        {
            "query_id": str(number), "reference_id": names[0], "group": "", "tags": [], "candidate_ids": None,
            "subset_ids": None, "target_ids": [names[i] for i in generator.integers(1, N_IMAGES, N_TARGETS)],
        }
        for number in range(N_QUERIES)
    ]  # fmt: skip
    plain_images, plain_queries = torch.from_numpy(images), torch.from_numpy(queries)
    ours, plain = [], []
    for _ in range(rounds):
        plain.append(seconds(lambda: (plain_queries @ plain_images.T).topk(ranking.N_BEST)))
        ours.append(seconds(lambda: ranking.rank(asked, queries, gallery, remove_reference=False)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"product and top-k alone   {statistics.median(plain):.2f} s ({min(plain):.2f} to {max(plain):.2f})")
    print(f"cirque, with all ranks    {statistics.median(ours):.2f} s ({min(ours):.2f} to {max(ours):.2f})")
    print(f"their ratio               {statistics.median(ours) / statistics.median(plain):.2f}")
    held = (images.nbytes + queries.nbytes) / 2**30
    print(f"{rounds} rounds; peak memory of the process {peak:.2f} GiB, of which the features are {held:.2f} GiB")


if __name__ == "__main__":
    tyro.cli(main)
