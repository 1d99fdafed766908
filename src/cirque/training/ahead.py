"""What the next steps need is made by a thread of its own while the device, and the thread that feeds it, are at work.

    with made_ahead(training.batch, range(first, n_steps)) as batches:
        for batch in batches: …

Items are made one after the other and come in order: which thread made one changes nothing in it. What `make` draws
must come from the number alone, never from a generator that others draw from, too.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

#: Items that are made ahead of the one in use: one more than needed, so that a slow one does not hold a step up.
AHEAD = 2

Item = TypeVar("Item")
Number = TypeVar("Number")


@contextmanager
def made_ahead(
    make: Callable[[Number], Item],
    numbers: Iterable[Number],
    *,
    device: torch.device | None = None,
    ahead: int = AHEAD,
) -> Iterator[Iterator[Item]]:
    """Items in the order of their numbers, made in a thread that ends with the block, whatever ends it.

    Args:
        make: number → item; one at a time.
        numbers: which.
        device: on which items are made; a GPU becomes the thread's own.
        ahead: how many are made while one is in use.

    Raises:
        Exception: what `make` raised, when its item is asked for, and nothing is made after it.
    """
    enter = (torch.cuda.set_device, (device,)) if device is not None and device.type == "cuda" else (None, ())
    pool = ThreadPoolExecutor(1, "ahead", *enter)
    try:
        yield _in_order(pool, make, iter(numbers), ahead)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, make: Callable[[Number], Item], numbers: Iterator[Number], ahead: int
) -> Iterator[Item]:
    waiting: deque[Future[Item]] = deque()
    while True:
        while len(waiting) <= ahead and (number := next(numbers, None)) is not None:
            waiting.append(pool.submit(make, number))  # the first of them is what is given next
        if not waiting:
            return
        yield waiting.popleft().result()
