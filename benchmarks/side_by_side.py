"""What the benchmarks of steps share: two implementations of one step, run in turn from the same start.

Every round runs each variant once from the same state on the same batch; the ratio is the median of the rounds' ratios,
which a busy machine disturbs less than the times. Processor time is shown beside the clock, as it leaves out the
waiting for other programs. The share is of the peak that a product of two large matrices reaches in the same run, so
that one sees what is left.
"""

import argparse
import logging
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

#: Side of the matrices of which the peak is measured, and how often their product is taken.
SIDE, PRODUCTS = 2048, 5

#: Seconds by the clock and of the processor.
Times = tuple[float, float]
Made = TypeVar("Made")

#: A round's number to its step, made ready: what it starts from is not timed. The step gives its losses.
Ready = Callable[[int], Callable[[], Tensor]]


@dataclass(frozen=True)
class Variant:
    """One of our implementations."""

    ready: Ready
    precision: str
    repeats: int  # together they take about as long as the plain step, and so meet the same disturbances


def parser(description: str, batch: int, of: str) -> argparse.ArgumentParser:
    """What every benchmark of a step asks."""
    made = argparse.ArgumentParser(description=description.splitlines()[0])
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--batch", type=int, default=batch, help=of)
    made.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = list(TYPES) if bf16_instructions() else ["fp32"]
    made.add_argument("--precision", nargs="+", choices=TYPES, default=asked, help="of our products, beside fp32")
    return made


def begin(arguments: argparse.Namespace) -> dict[str, torch.dtype]:
    """Set threads and seeds and say what runs here; the types that are asked for, fp32 first."""
    logging.getLogger().setLevel(logging.ERROR)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(
        f"torch {torch.__version__}, {arguments.threads} threads, {torch.backends.cpu.get_cpu_capability()};"
        f" bf16 in hardware: {', '.join(bf16_instructions()) or 'none'}"
    )
    return {name: dtype for name, dtype in TYPES.items() if name == "fp32" or name in arguments.precision}


def bf16_instructions() -> list[str]:
    """What the processor has for bf16; without any of it torch emulates bf16, slower than fp32."""
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").is_file() else ""
    return [name for name in ("avx512_bf16", "amx_bf16") if f" {name}" in flags]


def timed(work: Callable[[], Made], repeats: int = 1) -> tuple[Times, Made]:
    """Mean times of some work, and what it made the first time."""
    clock, processor = time.perf_counter(), time.process_time()
    made = [work() for _ in range(repeats)]
    return ((time.perf_counter() - clock) / repeats, (time.process_time() - processor) / repeats), made[0]


def operations(step: Callable[[], Any]) -> float:
    """TFLOP of a step's products, a multiplication with its addition as two."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e12


def peak(dtype: torch.dtype) -> float:
    """TFLOP/s of a product of two large matrices on the processor, by the clock: the best of a few."""
    one, other = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    one @ other
    return 2 * SIDE**3 / 1e12 / min(timed(lambda: one @ other)[0][0] for _ in range(PRODUCTS))


def compare(plain: Ready, ours: Mapping[str, Variant], rounds: int) -> None:
    """Run the rounds and print times, ratios, shares of the peak, and the largest difference of losses.

    Args:
        plain: The step as released.
        ours: Our variants by name.
        rounds: How many are counted; one more is a warm-up.
    """
    work = {name: operations(variant.ready(rounds)) for name, variant in ours.items()}  # the warm-up
    peaks = {variant.precision: peak(TYPES[variant.precision]) for variant in ours.values()}
    found: dict[str, list[tuple[Times, Times]]] = {name: [] for name in ours}
    worst = dict.fromkeys(ours, 0.0)
    for number in range(rounds):
        of_plain, expected = timed(plain(number))
        line = f"round {number + 1}: plain {seconds(of_plain)}"
        for name, variant in ours.items():
            of_ours, losses = timed(variant.ready(number), variant.repeats)
            found[name].append((of_plain, of_ours))
            worst[name] = max(worst[name], float(((losses - expected) / expected).abs().max()))
            line += f", {name} {seconds(of_ours)}"
        print(line, flush=True)
    for name, variant in ours.items():
        by_clock, by_processor = (
            statistics.median(one[unit] / two[unit] for one, two in found[name]) for unit in (0, 1)
        )
        highest = peaks[variant.precision]
        share = work[name] / statistics.median(two[0] for _, two in found[name]) / highest
        print(
            f"{name}: {by_clock:.1f} × the plain step by the clock, {by_processor:.1f} × by processor time;"
            f" {share:.0%} of the peak of {highest:.3f} TFLOP/s; losses differ by {worst[name]:.1e} of themselves"
        )


def seconds(times: Times) -> str:
    """Times in words."""
    return f"{times[0]:.3f} s ({times[1]:.3f} s of the processor)"
