"""What a job asks of the machine: a GPU, its share of the cores, memory and time."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def gpu_here() -> int:
    """1 where this machine shows an NVIDIA GPU, else 0: what a job on one GPU asks of a local run."""
    return int(Path("/dev/nvidia0").exists() or bool(os.environ.get("CUDA_VISIBLE_DEVICES", "").strip("-1 ")))


def gpus_here() -> int:
    """How many NVIDIA GPUs this machine shows, or lets its programs see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return len([path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()])


def gpu_resources(partition: str | None) -> dict[str, int | str]:
    """What a job asks for that computes on a GPU: one, here where there is one, on a cluster always.

    A job that was promised a GPU computes on it or ends: it never runs on a CPU for days in silence.

    Args:
        partition: the cluster's partition with GPUs, as the profile names it; None on one machine.
    """
    if partition is not None:
        return {"gpu": 1, "torch_device": "cuda", "slurm_partition": partition}
    here = gpu_here()
    return {"gpu": here, "torch_device": "cuda" if here else "auto"}


def gpus(partition: str | None, most: int) -> int:
    """How many GPUs a training may ask for that several of them can share: those that are here, on a cluster `most`.

    Args:
        partition: the cluster's partition with GPUs, as the profile names it; None on one machine.
        most: GPUs of one node that a job may take, as the profile says.
    """
    return most if partition is not None else gpus_here()


def launcher(gpus: int, batch: int) -> str:
    """What starts Python for a training on several GPUs: torchrun with a process for each, or Python itself for one.

    Args:
        gpus: that the job was given.
        batch: of the training; as many processes are started as it divides among without rest.
    """
    n = max(n for n in range(1, max(1, gpus) + 1) if batch % n == 0)
    return "python" if n == 1 else f"python -m torch.distributed.run --standalone --nproc-per-node {n}"


def threads_each(threads: int, cores: int | None) -> int:
    """Threads for torch in a job of `threads` of the `cores` granted to Snakemake.

    `snakemake -c8` on a machine of two cores starts several jobs at once; each then gets its share of what is there. On
    a cluster (None) a job has the processors of its allocation, which Slurm says.
    """
    if cores is None:
        return int(os.environ.get("SLURM_CPUS_PER_TASK", threads))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(threads, threads * available // cores))


def threads_of_a_job(cores: int | None, most: int = 4) -> int:
    """Cores that a job with torch asks for: half of those granted, so that two run side by side; `most` on a cluster.

    Every such job imports its libraries on one core for seconds; alone on two cores it would leave the other idle.
    """
    return most if cores is None else max(1, min(most, cores // 2))


def needs(mem_mb: int, runtime: int, held: float = 0, of: str | None = None) -> dict[str, Callable[..., int]]:
    """Memory and time of a job, as functions that Snakemake calls: as much again with each attempt.

    A cluster ends a job that takes more, so that the same again would end alike.

    Args:
        mem_mb: MB, without the inputs.
        runtime: minutes.
        held: how many times a job holds its inputs at most: what grows with models and data sets is no fixed number.
        of: name of the input that it holds, if it is one: shards are read one after the other, weights are held.
    """

    # Snakemake looks at the names of a function's parameters.
    def memory(wildcards: Any, attempt: int) -> int:
        return mem_mb * attempt

    def memory_with_inputs(wildcards: Any, input: Any, attempt: int) -> int:
        size: float = input.size_mb if of is None else _size_mb(getattr(input, of, []))
        return math.ceil((mem_mb + held * size) * attempt)

    def minutes(wildcards: Any, attempt: int) -> int:
        return runtime * attempt

    return {"mem_mb": memory_with_inputs if held else memory, "runtime": minutes}


def _size_mb(files: str | Sequence[str]) -> float:
    """Size of a file or of several, as Snakemake counts it.

    Raises:
        FileNotFoundError: one is not there yet, which Snakemake waits for.
    """
    return sum(Path(file).stat().st_size for file in ([files] if isinstance(files, str) else files)) / 2**20
