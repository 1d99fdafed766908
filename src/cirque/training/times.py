"""What the training of a network φ took, with all that it depends on: the records of its runs, followed to the data.

    for row in of_network(Path("phi.safetensors")): …  # step, n_jobs, seconds, processor_seconds

Each stage leaves a record beside what it writes (`cirque.store.provenance`): its inputs, and how long it ran. So the
sum is over the runs that the network really rests on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError
from cirque.store import lineage, provenance

#: Stages whose product is data, or is published by others at the papers' scale: backbone, language model and tagger.
NOT_COUNTED = frozenset(
    {
        *("fetch_file", "generate", "generate_captions", "draw_pictures"),
        *("list_images", "shard_images", "parse_queries", "parse_triplets", "prepare_coco"),
        *("train_backbone", "fetch_backbone", "random_backbone"),
        *("train_language_model", "fetch_language_model"),
        *("train_tagger", "fetch_tagger"),
    }
)


@dataclass(frozen=True)
class Cost:
    """What one run of a stage took."""

    step: str
    seconds: float  # by the clock
    processor_seconds: float


def of_network(phi: Path) -> list[dict[str, Any]]:
    """Runs, seconds and processor seconds of each stage below a network; its own training comes last.

    Args:
        phi: the network's file, with its record beside it.

    Raises:
        CirqueError: a record of the network or of what it rests on is missing or says nothing of time.
    """
    if provenance.read_record(phi) is None:
        raise CirqueError(
            f"{provenance.record_path(phi)}: no such file; delete {phi} and run Snakemake, which trains it"
        )
    found: dict[str, list[Cost]] = {}
    for cost in reversed(list(_costs(lineage.trace(phi)))):
        found.setdefault(cost.step, []).append(cost)
    return [
        {
            "step": step,
            "n_jobs": len(costs),
            "seconds": sum(cost.seconds for cost in costs),
            "processor_seconds": sum(cost.processor_seconds for cost in costs),
        }
        for step, costs in found.items()
    ]


def _costs(node: lineage.Node) -> Iterator[Cost]:
    """Each counted run at and below a file, once, whatever number of files it wrote."""
    seen: set[tuple[str, ...]] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop(0)
        if one.record is None or one.repeated or one.record["stage"] in NOT_COUNTED:
            continue  # what lies below data or a released model is not counted either
        waiting += one.inputs
        run = (*one.record["command"], one.record["finished"])
        if run not in seen:
            seen.add(run)
            yield _cost(one)


def _cost(node: lineage.Node) -> Cost:
    record = node.record or {}
    try:
        return Cost(record["stage"], float(record["seconds"]), float(record["processor_seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CirqueError(
            f"{provenance.record_path(Path(node.path))}: says nothing of time ({error}); delete {node.path} and run"
            " Snakemake again, which makes it anew"
        ) from error
