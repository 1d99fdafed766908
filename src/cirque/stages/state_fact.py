"""State a fact: what a table shows besides its rankings."""

from pathlib import Path
from typing import Any

from cirque.commandline import accepted
from cirque.facts.rows import require_once
from cirque.families import FACTS
from cirque.store import files, schemas

FAMILY = FACTS


def main(fact: str, *, output: Path, threads: int = 1, device: str = "auto", **inputs: Any) -> None:
    """Write its rows (schemas.FACTS).

    Args:
        fact: Module of cirque.facts.
        output: Parquet file to write.
        threads: Threads for torch, where the fact computes with it.
        device: auto, cpu or cuda.
        **inputs: What the fact reads by name.
    """
    state = FACTS.load(fact).state
    made = {}
    if "device" in FACTS.parameters(fact):
        from cirque import devices  # noqa: PLC0415  (torch is for the facts that compute with it)

        made["device"] = devices.prepare(threads, device, "fp32")
    rows = state(**inputs, **accepted(state, made))
    require_once(rows)
    files.write_rows(output, rows, schemas.FACTS)
