"""Measure a ranking that others computed by a benchmark's own protocol, and keep it beside the methods'."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cirque.errors import CirqueError
from cirque.evaluation import scored
from cirque.evaluation.measures import Resampling, measure
from cirque.evaluation.metrics import MACROS, has_answers
from cirque.evaluation.protocol import Protocol
from cirque.evaluation.ranking import Gallery
from cirque.plan.paths import KINDS
from cirque.progress import say
from cirque.store import files, provenance, schemas


def main(
    *,
    ranked: Path,
    queries: Path,
    gallery: Path,
    backbone: str,
    method: str,
    seed: int,
    protocol: Protocol,
    resampling: Resampling,
    output: Path,
) -> None:
    """Write the ranking as schemas.RANKINGS, and its metrics, below a folder.

    Args:
        ranked: what others computed: Parquet as `rankings`, a TREC run, or a file for CIRR's or CIRCO's server.
        queries: queries.parquet of the benchmark.
        gallery: gallery.parquet of the benchmark.
        backbone: under which it stands.
        method: its name in the configuration.
        seed: under which it stands.
        protocol: How the benchmark is evaluated.
        resampling: Of the intervals.
        output: Folder of the scale, below which both are written.

    Raises:
        CirqueError: the benchmark's answers are hidden, so that nothing could be measured.
    """
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    candidates = files.read_table(gallery, ["image_id", "group"])
    groups = [group or "" for group in candidates["group"].to_pylist()]
    ids = candidates["image_id"].to_pylist()
    whole = Gallery(ids, np.empty((0, 0), np.float32), groups)
    rows, names = scored.ranking(
        ranked, asked, whole, protocol.metrics, remove_reference=protocol.remove_reference, ties=protocol.ties
    )
    provenance.read(MACROS)
    table = pa.Table.from_pylist(rows, schema=schemas.RANKINGS)
    if not has_answers(table, names):
        raise CirqueError(
            f"{ranked}: the answers of {protocol.benchmark} are hidden; leave it out of the rankings of {method},"
            " and let its server score it"
        )
    figures = measure(table, names, resampling, str(ranked))
    run: dict[str, Any] = {"benchmark": protocol.benchmark, "backbone": backbone, "method": method, "seed": seed}
    files.write_table(output / KINDS["rankings"].path(**run), table, schemas.RANKINGS)
    rows = [{**run, "split": protocol.split, **figure} for figure in figures]
    files.write_rows(output / KINDS["metrics"].path(**run), rows, schemas.METRICS)
    say(f"{method}: {len(asked):,} queries, {len(names)} metrics")
