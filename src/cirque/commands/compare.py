"""Compare methods on the same queries: difference, paired bootstrap interval, permutation test, Holm's correction."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from cirque.errors import CirqueError
from cirque.evaluation import significance
from cirque.report import comparison
from cirque.store import files, schemas
from cirque.tables import runs


def main(
    methods: Annotated[list[str], tyro.conf.Positional],
    *,
    benchmark: str,
    backbone: str | None = None,
    metrics: list[str] | None = None,
    scale: str | None = None,
    results: Path = Path("results"),
    resamples: int = 10_000,
    bootstrap_seed: int = 0,
    level: float = 0.95,
    output: Path | None = None,
) -> None:
    """Print, for each pair of methods, whether they differ: every backbone, group of queries and metric.

    A method's value of a query is the mean over its seeds: the tests are about the queries drawn, not about the seeds.

    Args:
        methods: two or more, as configured: searle lincir.
        benchmark: as configured: circo_val.
        backbone: as configured; by default each that has all the methods.
        metrics: names such as R@10; by default those of the benchmark.
        scale: mini or paper; needed if more than one has the benchmark.
        results: folder of scale=….
        resamples: how often the queries are drawn anew for the interval, and the methods exchanged for the test.
        bootstrap_seed: of these draws.
        level: of the interval; * marks an adjusted p below 1 − level.
        output: also write the comparison there (schemas.COMPARISONS), as Parquet.
    """
    _require_arguments(methods, resamples, level)
    ranked = runs.of_benchmark(results, scale, benchmark)
    rows: list[dict[str, Any]] = []
    n_seeds: Counter[str] = Counter()
    for model, of_model in runs.by_backbone(ranked, methods, backbone, benchmark).items():
        n_seeds |= Counter({method: len(of_method) for method, of_method in of_model.items()})
        names = metrics or runs.metrics_of([run for of_method in of_model.values() for run in of_method])
        values = runs.values_of(of_model, names)
        common = {"benchmark": benchmark, "backbone": model}
        tests = significance.compare(values, names, resamples=resamples, seed=bootstrap_seed, level=level)
        rows += [{**common, **row} for row in tests]
    adjusted = significance.holm(np.asarray([row["p_value"] for row in rows]))
    rows = [{**row, "p_adjusted": p} for row, p in zip(rows, adjusted.tolist(), strict=True)]
    comparison.show(rows, level, resamples, n_seeds)
    if output is not None:
        files.write_rows(output, rows, schemas.COMPARISONS)


def _require_arguments(methods: Sequence[str], resamples: int, level: float) -> None:
    """Refuse what no comparison can be made of."""
    if len(methods) < 2:
        raise CirqueError(
            f"a comparison needs two methods or more, not {', '.join(methods) or 'none'}; give them as in"
            " python -m cirque compare --benchmark circo_val searle lincir"
        )
    twice = [method for method, n in Counter(methods).items() if n > 1]
    if twice:
        raise CirqueError(f"{twice[0]} is named twice; a method does not differ from itself, so name it once")
    if resamples < 1:
        raise CirqueError(f"--resamples {resamples}: must be at least 1; the papers' tables use 10000")
    if not 0 < level < 1:
        raise CirqueError(f"--level {level}: must lie between 0 and 1, as 0.95")
