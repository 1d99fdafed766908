"""Where torch computes: the device asked for, and no more threads than there are cores."""

import os

import torch

from cirque.errors import CirqueError


def prepare(threads: int, device: str) -> torch.device:
    """Set torch up for a stage: threads, and arithmetic that gives the same result each time.

    Args:
        threads: Threads of the job; fewer are taken where the machine has fewer cores.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.

    Raises:
        CirqueError: the device has another name, or there is no such device here.
    """
    if threads < 1:
        raise CirqueError(f"threads: {threads} asked for; give at least 1")
    if device not in {"auto", "cpu", "cuda"}:
        raise CirqueError(f"device: {device!r} is not known; use auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise CirqueError("device: cuda was asked for, but torch finds no GPU here; use --device auto or cpu")
    torch.set_num_threads(min(threads, len(os.sched_getaffinity(0))))
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if name == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its sums only with this
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    return torch.device(name)
