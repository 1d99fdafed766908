"""Image files to features and feature maps: decoded in threads, encoded in batches of one fixed size.

A matrix product may round differently for another number of rows, so every batch has the same number: the last one is
filled up with black. On a CPU an image's feature is then the same to the last bit whatever shares its batch, its shard
or its machine's threads (tests/encoders/test_extraction.py); on a GPU likewise for one kind of GPU and library version.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque.data.images import BadImage, read_pixels
from cirque.data.shard_index import ShardIndex
from cirque.data.shards import Sample
from cirque.encoders.features import OK
from cirque.errors import CirqueError
from cirque.progress import progress

#: Images a forward pass. A few dozen fill a CPU; a GPU wants hundreds.
BATCH = {"cpu": 32, "cuda": 256}

Pixels = NDArray[np.uint8]
Encode = Callable[[Pixels], NDArray[np.float32]]  # what `encoder` makes
Decoded = tuple[str, Pixels | str]


def decode_all(samples: Iterable[Sample], kind: str, size: int, workers: int, ahead: int = 0) -> Iterator[Decoded]:
    """Decode and preprocess in threads (PIL lets go of the interpreter lock), in order, few at a time in memory.

    Args:
        samples: image files.
        kind: name of the preprocessing.
        size: side of the crop (pixels).
        workers: threads.
        ahead: images that are decoded before they are asked for, if more than four for each thread: two batches keep
            a device busy while the next ones are decoded.

    Yields:
        Image id, and its pixels [size, size, 3] or the reason why there are none.
    """
    samples = iter(samples)
    n_tasks = 4 * workers
    # Several images a task: every hand-over makes the thread that feeds the device wait for the interpreter.
    of_task = max(1, -(-ahead // n_tasks))
    pool = ThreadPoolExecutor(workers)

    def tasks(n: int) -> Iterator[Future[list[Decoded]]]:
        for _ in range(n):
            if chosen := list(islice(samples, of_task)):
                yield pool.submit(_decode, chosen, kind, size)

    try:
        waiting = deque(tasks(n_tasks))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(tasks(1))  # before these are used, so that no thread waits for them to be
            yield from done
    finally:  # an error, or nobody who asks for more: what waits is not decoded
        pool.shutdown(cancel_futures=True)


def _decode(samples: Sequence[Sample], kind: str, size: int) -> list[Decoded]:
    return [(sample.image_id, _pixels_or_reason(sample, kind, size)) for sample in samples]


def _pixels_or_reason(sample: Sample, kind: str, size: int) -> Pixels | str:
    try:
        return read_pixels(sample.data, kind, size)
    except BadImage as reason:
        return str(reason)


def encoder(
    encode_image: Callable[[Tensor], Tensor],
    mean: Sequence[float],
    std: Sequence[float],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Encode:
    """Function from pixels [n, size, size, 3] to what a tower makes of them, features [n, dim] or maps.

    Args:
        encode_image: the tower, a method of `backbones.Encoder`: `encode_image`, `encode_query_image` or `image_maps`.
        mean: of the pixels, per channel, for normalisation.
        std: likewise.
        device: where the tower computes.
        dtype: of its weights.
    """
    shape = (1, 3, 1, 1)
    means, stds = (torch.tensor(list(x), dtype=torch.float32, device=device).view(shape) for x in (mean, std))
    recorded: dict[tuple[int, ...], Callable[[Tensor], Tensor]] = {}

    def forward(batch: Tensor) -> Tensor:
        batch = batch.permute(0, 3, 1, 2).contiguous()
        return encode_image(((batch.float() / 255 - means) / stds).to(dtype)).float()

    @torch.inference_mode()
    def encode(pixels: Pixels) -> NDArray[np.float32]:
        batch = torch.from_numpy(pixels)
        if device.type != "cuda":
            return np.asarray(forward(batch.to(device)).cpu().numpy())
        if batch.shape not in recorded:
            recorded[batch.shape] = _recorded(forward, batch.to(device))
        return np.asarray(recorded[batch.shape](batch).cpu().numpy())

    return encode


def _recorded(forward: Callable[[Tensor], Tensor], given: Tensor) -> Callable[[Tensor], Tensor]:
    """A pass over batches of one shape as a CUDA graph: one launch a batch, where a tower's hundreds of launches would
    each wait for the threads that decode to let go of the interpreter.
    """
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        forward(given)  # libraries set themselves up, which cannot be recorded
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made = forward(given)

    def replay(batch: Tensor) -> Tensor:
        given.copy_(batch.pin_memory(), non_blocking=True)
        graph.replay()
        return made

    return replay


def encode_padded(encode: Encode, pixels: Pixels | Sequence[Pixels], batch: int) -> NDArray[np.float32]:
    """What a tower makes of at most `batch` images [size, size, 3], filled up with black to just as many."""
    filled = np.zeros((batch, *pixels[0].shape), dtype=np.uint8)
    filled[: len(pixels)] = pixels
    return encode(filled)[: len(pixels)]


def extract(
    decoded: Iterable[Decoded], encode: Encode, dim: int, batch: int, total: int
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
            blocks.append(encode_padded(encode, waiting, batch))
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


# ---- images of queries ----------------------------------------------------------------------------------------------


def pixels_of(index: ShardIndex, numbers: Sequence[int], preprocess: str, size: int, workers: int) -> Pixels:
    """Preprocessed pixels of some images of an image set, [n, size, size, 3], in the order asked for.

    Args:
        index: of the image set's shards.
        numbers: of the images in it, as `ShardIndex.numbers` gives them; any may be asked for more than once.
        preprocess: name of the preprocessing.
        size: side of the crop (pixels).
        workers: threads that decode.

    Raises:
        CirqueError: one of them does not decode.
    """
    pixels = np.empty((len(numbers), size, size, 3), dtype=np.uint8)
    samples = (index.sample(int(number)) for number in numbers)
    for row, (name, picture) in enumerate(decode_all(samples, preprocess, size, workers)):
        if isinstance(picture, str):
            raise CirqueError(f"image {name}: {picture}; replace its file and run Snakemake again")
        pixels[row] = picture
    return pixels


def encode_all(encode: Encode, pixels: Pixels, batch: int) -> NDArray[np.float32]:
    """What a tower makes of images [n, size, size, 3], at least one, in fixed batches: [n, …]."""
    parts = [encode_padded(encode, pixels[first : first + batch], batch) for first in range(0, len(pixels), batch)]
    return np.concatenate(parts)
