"""What the training of a network φ took, from Snakemake's measurement of each job (benchmark files, JSON lines)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError
from cirque.store import provenance

#: Folder of the measurements: the one below it is named after the rule.
COSTS = "costs"


@dataclass(frozen=True)
class Cost:
    """What one job took: its rule, seconds by the clock and of the processors."""

    step: str
    seconds: float
    processor_seconds: float


def read(path: Path) -> Cost:
    """Measurement of one job; `…/costs/RULE/….jsonl` with the keys `s` and `cpu_time`.

    Raises:
        CirqueError: the file is missing, has no measurement, or lies in no folder `costs`.
    """
    provenance.read(path)
    if COSTS not in path.parts[:-1]:
        raise CirqueError(f"{path}: lies in no folder called {COSTS}; give the workflow's own paths")
    step = Path(path.parts[path.parts.index(COSTS) + 1]).stem
    try:
        (line,) = path.read_text(encoding="utf-8").splitlines()
        measured = json.loads(line)
        return Cost(step, float(measured["s"]), float(measured["cpu_time"]))
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error}); run its job again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise CirqueError(
            f"{path}: holds no measurement of one job (keys s and cpu_time, in seconds): {error}; delete it and run"
            " Snakemake again, which runs its job anew"
        ) from error


def summed(costs: Iterable[Cost]) -> list[dict[str, Any]]:
    """Jobs, seconds and processor seconds of each rule, in the order in which they are given."""
    found: dict[str, list[Cost]] = {}
    for cost in costs:
        found.setdefault(cost.step, []).append(cost)
    return [
        {
            "step": step,
            "n_jobs": len(of_step),
            "seconds": sum(cost.seconds for cost in of_step),
            "processor_seconds": sum(cost.processor_seconds for cost in of_step),
        }
        for step, of_step in found.items()
    ]
