"""Several processes that train one network together, each on a device of its own, by torch's DistributedDataParallel.

    torchrun --standalone --nproc-per-node 4 -m cirque finetune_backbone …

    with joined(device) as group:
        group.share(rows)     # this process's part of a batch that all of them draw alike
        group.gather(part)    # what every process made of its part, in the batch's order, with gradients
        group.wrap(module)    # its gradients are the mean over the processes

Every process draws the whole batch by seed and step, takes its part of it and computes the loss of the whole: the
number of processes changes a result by the order of floating-point sums and by nothing else.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cirque import progress
from cirque.errors import CirqueError

#: How long a process waits for the others before it takes them for dead: longer than any of them decodes or saves.
SECONDS = 900.0

#: Collectives that fail name their library; all other errors are this process's own.
_OF_A_COLLECTIVE = re.compile(r"gloo|NCCL", re.IGNORECASE)


@dataclass(frozen=True)
class Group:
    """The processes of one training, and the place of this one among them.

    Attributes:
        rank: of this process, from 0; the first is the only one that writes files.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and says how the training goes."""
        return self.rank == 0

    def require_shares(self, batch: int) -> None:
        """Refuse a batch that does not divide among the processes.

        Raises:
            CirqueError: it does not.
        """
        if batch % self.size:
            raise CirqueError(
                f"training: a batch of {batch:,} does not divide among {self.size} processes, each of which takes an"
                " equal part; start as many as divide it"
            )

    def share(self, rows: Tensor) -> Tensor:
        """This process's part of the rows of a batch, [batch, …] → [batch / size, …]."""
        n = len(rows) // self.size
        return rows[self.rank * n : (self.rank + 1) * n]

    def gather(self, part: Tensor) -> Tensor:
        """What all processes made of their parts, [batch / size, dim] → [batch, dim], in the order of the batch.

        The gradient of this process's own rows flows back, times the number of processes, since `wrap` takes the mean
        of what every process computes of the same loss.
        """
        gathered: Tensor = part if self.size == 1 else _Gathered.apply(part, self)
        return gathered

    def wrap(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are the mean over the processes: each of its weights must have one in each step.

        Keep it until the backward pass is done: without it nothing is shared.
        """
        if self.size == 1:
            return module
        wrapped: nn.Module = nn.parallel.DistributedDataParallel(
            module, broadcast_buffers=False, gradient_as_bucket_view=True
        )
        return wrapped

    def require_same(self, step: int) -> None:
        """Refuse to go on where the processes stand at different steps; the first one waits here for all others.

        Raises:
            CirqueError: they do not see the same saved state.
        """
        if self.size == 1:
            return
        steps: list[Any] = [None] * self.size
        dist.all_gather_object(steps, step)
        if len(set(steps)) > 1:
            raise CirqueError(
                f"training: the processes go on from steps {steps}, since they do not see the same saved state; let all"
                " of them see one folder, or remove the state"
            )


#: A training in one process.
ALONE = Group()


class _Gathered(torch.autograd.Function):
    """Rows of all processes, of which this one's own have a gradient."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, group: Group) -> Tensor:
        parts = [torch.empty_like(part) for _ in range(group.size)]
        dist.all_gather(parts, part.contiguous())
        ctx.group = group
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        group: Group = ctx.group
        return group.share(gradients[0]) * group.size, None


def number() -> int:
    """How many processes torchrun started, of which this is one; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def joined(device: torch.device, seconds: float = SECONDS) -> Iterator[Group]:
    """The group of the processes that torchrun started; `ALONE` without it.

    All but the first keep silent. A process whose peer died, or does not answer in time, ends with a sentence: it
    neither waits for ever nor goes on without it.

    Args:
        device: of this process: several GPUs talk by NCCL, processors by gloo.
        seconds: after which a process that does not answer is taken for dead.

    Raises:
        CirqueError: the processes did not find each other, or one was lost.
    """
    size = number()
    if size == 1:
        yield ALONE
        return
    rank = int(os.environ["RANK"])
    if rank:
        progress.silence()
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(seconds=seconds))
        yield Group(rank, size)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and not _OF_A_COLLECTIVE.search(str(error)):
            raise
        raise CirqueError(
            f"process {rank + 1} of {size}: another process of this training has ended or did not answer for"
            f" {seconds:,.0f} s ({str(error).splitlines()[0]}). Its own message says why; started again, the training"
            " goes on from the last saved step"
        ) from error
    dist.destroy_process_group()
