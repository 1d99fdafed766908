"""Ranking at the size of CIRCO's test: `python benchmarks/ranking.py`.

800 random queries against 123,403 random images: the best 50 and the rank of every ground truth,
beside the matrix product with torch's top-k alone, which ranks no ground truth.
"""

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import tyro

from cirque.evaluation import ranking

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


def main(*, rounds: int = 5, threads: int = 2, dim: int = 768) -> None:
    """Print both times, interleaved, their ratio, and the peak memory of the process.

    Args:
        rounds: How often each is timed.
        threads: Of torch; numpy's products take their own number.
        dim: Of the features: 768 as of ViT-L/14, 512 as of ViT-B/32.
    """
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
