"""Image files to features: decoded in threads, encoded in batches of one fixed size.

A matrix product may round differently for another number of rows, so every batch has the same number: the last one is
filled up with black. On a CPU an image's feature is then the same to the last bit whatever shares its batch, its shard
or its machine's threads (tests/test_extraction.py); on a GPU likewise for one kind of GPU and library version.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.model import CLIP

from cirque.data.images import BadImage, Kind, read_pixels
from cirque.data.shards import Sample
from cirque.encoders.features import OK
from cirque.progress import progress

#: Images a forward pass. A few dozen fill a CPU; a GPU wants hundreds.
BATCH = {"cpu": 32, "cuda": 256}

Pixels = NDArray[np.uint8]
Decoded = tuple[str, Pixels | str]


def decode_all(samples: Iterable[Sample], kind: Kind, size: int, workers: int) -> Iterator[Decoded]:
    """Decode and preprocess in threads (PIL lets go of the interpreter lock), in order, few at a time in memory.

    Yields:
        Image id, and its pixels [size, size, 3] or the reason why there are none.
    """
    samples = iter(samples)
    with ThreadPoolExecutor(workers) as pool:

        def submit(sample: Sample) -> Future[Decoded]:
            return pool.submit(_decode, sample, kind, size)

        waiting = deque(submit(sample) for sample in islice(samples, 4 * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(submit(sample) for sample in islice(samples, 1))


def _decode(sample: Sample, kind: Kind, size: int) -> Decoded:
    try:
        return sample.image_id, read_pixels(sample.data, kind, size)
    except BadImage as reason:
        return sample.image_id, str(reason)


def encoder(
    model: CLIP, mean: Sequence[float], std: Sequence[float], device: torch.device
) -> Callable[[Pixels], NDArray[np.float32]]:
    """Function from pixels [n, size, size, 3] to un-normalised features [n, dim]; arithmetic as `images.normalise`."""
    shape = (1, 3, 1, 1)
    means, stds = (torch.tensor(list(x), dtype=torch.float32, device=device).view(shape) for x in (mean, std))

    @torch.inference_mode()
    def encode(pixels: Pixels) -> NDArray[np.float32]:
        batch = torch.from_numpy(pixels)
        if device.type == "cuda":
            batch = batch.pin_memory()
        batch = batch.to(device, non_blocking=True).permute(0, 3, 1, 2).contiguous()
        features = model.encode_image((batch.float() / 255 - means) / stds)
        return np.asarray(features.float().cpu().numpy())

    return encode


def extract(
    decoded: Iterable[Decoded], encode: Callable[[Pixels], NDArray[np.float32]], dim: int, batch: int, total: int
) -> tuple[list[str], list[str], NDArray[np.float32]]:
    """Encode decoded images in fixed batches.

    Args:
        decoded: what `decode_all` yields.
        encode: see `encoder`.
        dim: length of a feature.
        batch: images a forward pass.
        total: how many images there are, for the progress.

    Returns:
        Image ids, statuses (`ok` or the reason), and features [n_ok, dim] of those that are ok.
    """
    ids: list[str] = []
    statuses: list[str] = []
    blocks = [np.zeros((0, dim), dtype=np.float32)]
    waiting: list[Pixels] = []

    def flush() -> None:
        if waiting:
            pixels = np.zeros((batch, *waiting[0].shape), dtype=np.uint8)
            pixels[: len(waiting)] = waiting
            blocks.append(encode(pixels)[: len(waiting)])
            waiting.clear()

    for image_id, pixels in progress(decoded, total=total, what="features", unit="image"):
        ids.append(image_id)
        statuses.append(pixels if isinstance(pixels, str) else OK)
        if not isinstance(pixels, str):
            waiting.append(pixels)
        if len(waiting) == batch:
            flush()
    flush()
    return ids, statuses, np.concatenate(blocks)
