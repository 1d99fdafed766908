"""Compare methods on the same queries: difference, paired bootstrap interval, permutation test, Holm's correction."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cirque import files, provenance, schemas, significance
from cirque.errors import CirqueError
from cirque.metrics import MACROS, has_answers, per_query
from cirque.report import terminal

Floats = npt.NDArray[np.float64]

#: What a ranking must share with another, query by query, for their difference to mean something.
_SHARED = ("query_id", "group", "n_candidates", "tags")

_COLUMNS = (*_SHARED, "target_ranks", "subset_rank")

#: scale=…/rankings/benchmark=…/backbone=…/method=…/seed=…/rankings.parquet
_N_PARTS = 7

#: A scale that `cirque.database` lays empty files under.
_NO_SCALE = "none"


@dataclass(frozen=True)
class _Run:
    """One ranking and what its path says of it."""

    path: Path

    @property
    def keys(self) -> dict[str, str]:
        """Scale, benchmark, backbone, method and seed."""
        return dict(part.split("=", 1) for part in self.path.parts[-_N_PARTS:] if "=" in part)

    @property
    def metrics(self) -> Path:
        """The metrics of the same run."""
        return (
            self.path.parents[_N_PARTS - 2] / "metrics" / Path(*self.path.parts[2 - _N_PARTS : -1]) / "metrics.parquet"
        )


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
    runs = _runs(results, scale, benchmark)
    rows: list[dict[str, Any]] = []
    n_seeds: Counter[str] = Counter()
    for model, of_model in _by_backbone(runs, methods, backbone, benchmark).items():
        n_seeds |= Counter({method: len(of_method) for method, of_method in of_model.items()})
        names = metrics or _metrics_of([run for of_method in of_model.values() for run in of_method])
        values = _values(of_model, names)
        common = {"benchmark": benchmark, "backbone": model}
        tests = significance.compare(values, names, resamples=resamples, seed=bootstrap_seed, level=level)
        rows += [{**common, **row} for row in tests]
    adjusted = significance.holm(np.asarray([row["p_value"] for row in rows]))
    rows = [{**row, "p_adjusted": p} for row, p in zip(rows, adjusted.tolist(), strict=True)]
    _show(rows, level, resamples, n_seeds)
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


# ---- what there is -------------------------------------------------------------------------------------------------


def _runs(results: Path, scale: str | None, benchmark: str) -> list[_Run]:
    """Every ranking of a benchmark at one scale.

    Raises:
        CirqueError: there is none, or at several scales of which none was chosen; lists what there is.
    """
    pattern = "scale=*/rankings/benchmark=*/backbone=*/method=*/seed=*/rankings.parquet"
    runs = [_Run(path) for path in sorted(results.glob(pattern))]
    runs = [run for run in runs if run.keys["scale"] != _NO_SCALE]
    if not runs:
        raise CirqueError(
            f"{results}: holds no ranking; make some (snakemake -c8 results/table_cirr.parquet) or name with --results"
            " the folder that holds scale=…"
        )
    at_scale = [run for run in runs if scale in {None, run.keys["scale"]}]
    if not at_scale:
        raise CirqueError(f"{results}: no scale is called {scale!r}; there are {_there_are(runs, 'scale')}")
    of_benchmark = [run for run in at_scale if run.keys["benchmark"] == benchmark]
    if not of_benchmark:
        there = _there_are(at_scale, "benchmark")
        raise CirqueError(f"{results}: no rankings of a benchmark {benchmark!r}; there are {there}")
    scales = _there_are(of_benchmark, "scale")
    if "," in scales:
        raise CirqueError(f"{results}: {benchmark} was run at several scales; choose one with --scale: {scales}")
    return of_benchmark


def _there_are(runs: Sequence[_Run], key: str) -> str:
    """The values of a key, for an error message."""
    return ", ".join(sorted({run.keys[key] for run in runs}))


def _by_backbone(
    runs: Sequence[_Run], methods: Sequence[str], backbone: str | None, benchmark: str
) -> dict[str, dict[str, list[_Run]]]:
    """The runs of each method, by seed, on each backbone that has all of them.

    Raises:
        CirqueError: a method or the backbone was not run, or no backbone has all methods; lists what there is.
    """
    for method in methods:
        if all(run.keys["method"] != method for run in runs):
            there = _there_are(runs, "method")
            raise CirqueError(f"no method {method!r} was run on {benchmark}; there are {there}")
    models = sorted({run.keys["backbone"] for run in runs if backbone in {None, run.keys["backbone"]}})
    if not models:
        there = _there_are(runs, "backbone")
        raise CirqueError(f"no backbone {backbone!r} was run on {benchmark}; there are {there}")
    found = {model: {method: _of_method(runs, model, method) for method in methods} for model in models}
    complete = {model: of_model for model, of_model in found.items() if all(of_model.values())}
    if not complete:
        there = "; ".join(
            f"{model} has {_there_are([run for run in runs if run.keys['backbone'] == model], 'method')}"
            for model in models
        )
        raise CirqueError(f"no backbone has all of {', '.join(methods)} on {benchmark}: {there}")
    return complete


def _of_method(runs: Sequence[_Run], model: str, method: str) -> list[_Run]:
    """The runs of a method on a backbone, in order of seed."""
    chosen = [run for run in runs if run.keys["backbone"] == model and run.keys["method"] == method]
    return sorted(chosen, key=lambda run: int(run.keys["seed"]))


def _metrics_of(runs: Sequence[_Run]) -> list[str]:
    """The metrics that were computed of all the runs, in their order.

    Raises:
        CirqueError: the metrics of a run are not there, or the runs have none in common.
    """
    lists: list[list[str]] = []
    for run in runs:
        if not run.metrics.is_file():
            raise CirqueError(f"{run.metrics}: no such file; ask Snakemake for it, or name --metrics R@1 R@5 …")
        lists.append(list(dict.fromkeys(files.read_table(run.metrics, schemas.METRICS.names)["metric"].to_pylist())))
    common = [name for name in lists[0] if all(name in others for others in lists)]
    if not common:
        first = f"{runs[0].metrics} and {len(runs) - 1} more"
        raise CirqueError(f"{first}: no metric is in all of them (a hidden split has none); name some with --metrics")
    return common


# ---- values of each query -------------------------------------------------------------------------------------------


def _values(runs: Mapping[str, Sequence[_Run]], names: Sequence[str]) -> dict[str, dict[str, Floats]]:
    """Value of each query, in percent, the mean over a method's seeds: group → method → [n_queries, n_metrics].

    Raises:
        CirqueError: two runs answer different queries, or the answers are hidden.
    """
    provenance.read(MACROS)
    first: tuple[Path, pa.Table] | None = None
    of_method: dict[str, Floats] = {}
    for method, of_seeds in runs.items():
        values = []
        for run in of_seeds:
            table = files.read_table(run.path, _COLUMNS)
            first = first or (run.path, table)
            _require_same_queries(first, (run.path, table))
            values.append(_per_query(table, names, run.path))
        # The order in which seeds are added must not make two equal means differ in their last bit.
        of_method[method] = np.mean(values, axis=0).round(9)
    assert first is not None
    groups = np.asarray([name or "" for name in first[1]["group"].to_pylist()])
    return {
        str(group): {method: values[groups == group] for method, values in of_method.items()}
        for group in np.unique(groups)
    }


def _require_same_queries(one: tuple[Path, pa.Table], other: tuple[Path, pa.Table]) -> None:
    """Refuse rankings of different queries or galleries; tell the first that differs."""
    (path, table), (other_path, other_table) = one, other
    cure = "make both anew with Snakemake"
    for column in _SHARED:
        ours, theirs = table[column].to_pylist(), other_table[column].to_pylist()
        for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            if a != b:
                name = "" if column == "query_id" else f" ({table['query_id'][i].as_py()})"
                raise CirqueError(
                    f"{other_path}: {column} of query {i + 1}{name} is {b!r}, but {a!r} in {path}; {cure}"
                )
    if table.num_rows != other_table.num_rows:
        longer = table if table.num_rows > other_table.num_rows else other_table
        extra = longer["query_id"][min(table.num_rows, other_table.num_rows)].as_py()
        raise CirqueError(
            f"{other_path}: has {other_table.num_rows:,} queries, but {path} has {table.num_rows:,}"
            f" (first that one lacks: {extra}); {cure}"
        )


def _per_query(table: pa.Table, names: Sequence[str], source: Path) -> Floats:
    """Metrics of each query of a ranking; refuses one without queries or answers."""
    if not table.num_rows:
        raise CirqueError(f"{source}: holds no query; make it anew with Snakemake")
    if not has_answers(table, names):
        raise CirqueError(f"{source}: the answers of this split are hidden, so nothing can be compared; take another")
    return per_query(table, names)


# ---- on the terminal -----------------------------------------------------------------------------------------------


def _show(rows: Sequence[Mapping[str, Any]], level: float, resamples: int, n_seeds: Mapping[str, int]) -> None:
    """Print a grid for each backbone and pair, then what the columns mean."""
    console = Console() if sys.stdout.isatty() else Console(width=terminal.WIDTH)
    blocks: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        blocks.setdefault((row["backbone"], row["method_a"], row["method_b"]), []).append(row)
    for of_block in blocks.values():
        console.print(_grid(of_block, level))
    several = [f"{method} is the mean of {n} seeds" for method, n in n_seeds.items() if n > 1]
    notes = [
        f"Interval: {100 * level:g} %, paired bootstrap over queries, {resamples:,} resamples.",
        f"p: two-sided permutation test, {resamples:,} exchanges of the methods (all, where at most"
        f" {significance.MOST_ENUMERATED} queries differ); Holm over all tests of this call ({len(rows)}), * below"
        f" {1 - level:.3g}.",
        *([f"{'; '.join(several)}: query by query, before all else."] if several else []),
    ]
    console.print(Text("\n" + "\n".join(notes), style="dim"), soft_wrap=not console.is_terminal)


def _grid(rows: Sequence[Mapping[str, Any]], level: float) -> Table:
    """One pair of methods on one backbone."""
    first = rows[0]
    has_groups = any(row["group"] for row in rows)
    grid = Table(
        title=f"\n{first['benchmark']}, {first['backbone']}: {first['method_a']} − {first['method_b']}, %",
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        header_style="bold dim",
    )
    for name in [*(["Group"] if has_groups else []), "Metric"]:
        grid.add_column(name, no_wrap=True)
    columns = ["Queries", first["method_a"], first["method_b"], "Difference", f"{100 * level:g} % interval", "p"]
    for name in [*columns, "p (Holm)"]:
        grid.add_column(name, justify="right")
    former = None
    for row in rows:
        if former not in {None, row["group"]}:
            grid.add_row()
        label = [Text(row["group"], style="bold") if row["group"] != former else ""] if has_groups else []
        former = row["group"]
        grid.add_row(*label, *_cells(row, level))
    return grid


def _cells(row: Mapping[str, Any], level: float) -> list[Text | str]:
    """The figures of one test; a difference that stands after Holm's correction carries a star."""
    stands = row["p_adjusted"] < 1 - level
    return [
        Text(row["metric"]),  # not markup: the tag of R@1[negation] stands in brackets
        f"{row['n_queries']:,}",
        f"{row['value_a']:.2f}",
        f"{row['value_b']:.2f}",
        Text(_signed(row["difference"]), style="bold cyan" if stands else ""),
        Text(f"{_signed(row['ci_low'])} to {_signed(row['ci_high'])}", style="dim"),
        _p(row["p_value"]),
        Text(_p(row["p_adjusted"]) + ("*" if stands else " "), style="bold" if stands else ""),
    ]


def _signed(points: float) -> str:
    """Percentage points with their sign; none for what rounds to 0."""
    text = f"{points:+.2f}"
    return "0.00" if float(text) == 0 else text


def _p(p: float) -> str:
    """Four places: as many as 10,000 draws tell."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"
