"""Where and in what torch computes: the device asked for, no more threads than there are cores, and the precision."""

import os
from collections.abc import Mapping

import torch

from cirque import locks
from cirque.errors import CirqueError
from cirque.precisions import FrozenPrecision, Precision
from cirque.progress import say

#: Type of products, and of the weights of a frozen model.
TYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}

#: What the stage of this process was set up for, for the records beside its files: `device` and `precision`.
chosen: dict[str, str] = {}


def prepare(threads: int, device: str, precision: FrozenPrecision) -> torch.device:
    """Set torch up for a stage: threads, and arithmetic that gives the same result each time.

    Args:
        threads: Threads of the job; fewer are taken where the machine has fewer cores.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.
        precision: Whether TF32 stands in for fp32 on a GPU; the type is the caller's (`TYPES`).

    Raises:
        CirqueError: the device has another name, or there is no such device here, or it does not compute so.
    """
    if threads < 1:
        raise CirqueError(f"threads: {threads} asked for; give at least 1")
    if device not in {"auto", "cpu", "cuda"}:
        raise CirqueError(f"device: {device!r} is not known; use auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise CirqueError(
            "device: cuda was asked for, but torch finds no GPU that it can use here. Look at nvidia-smi and"
            " CUDA_VISIBLE_DEVICES, give the job a GPU (on a cluster the profile's partition), or use --device cpu"
        )
    torch.set_num_threads(min(threads, len(os.sched_getaffinity(0))))
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if precision == "fp16" and name == "cpu":
        raise CirqueError(
            "precision: fp16 is for a GPU; processors compute it slower than fp32. Give the job a GPU, or set fp32 or"
            " bf16 in the section `precision` of the configuration (--precision)"
        )
    chosen.update(device=name, precision=precision)
    if name == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with this
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        index = _own_gpu()
        torch.cuda.set_device(index)
        say(f"on GPU {index}, {torch.cuda.get_device_name(index)}, {precision}")
        return torch.device(name, index)
    if device == "auto":
        say("on the CPU: torch finds no GPU here")
    return torch.device(name)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """A context in which a model with weights in fp32 computes its products in bf16, where the precision is that."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _own_gpu() -> int:
    """Index of a GPU that no other job of this machine computes on; the first where all are taken or there is one."""
    count = torch.cuda.device_count()
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # as torchrun says
    if count == processes:
        return int(os.environ.get("LOCAL_RANK", "0"))
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    names = visible if len(visible) == count else [str(index) for index in range(count)]
    own = locks.claim(names, "gpu")
    if own is None and processes > 1:
        raise CirqueError(
            f"device: all {count} GPUs are taken, and each of the {processes} processes of a training needs its own;"
            " start fewer, or wait until other jobs have ended"
        )
    if own is None:
        say(f"all {count} GPUs are taken by other jobs: sharing the first; give Snakemake --resources gpu={count}")
    return names.index(own) if own is not None else 0
