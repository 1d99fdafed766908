"""Runs that were ranked: which there are under a folder of results, and what each scored query by query.

runs = of_benchmark(Path("results"), scale=None, benchmark="circo_val")
for backbone, of_method in by_backbone(runs, ["searle", "lincir"], None, "circo_val").items():
values = values_of(of_method, metrics_of(runs))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cirque.errors import CirqueError
from cirque.evaluation.metrics import MACROS, has_answers, per_query
from cirque.plan.paths import KINDS
from cirque.store import files, provenance, schemas

Floats = npt.NDArray[np.float64]

#: What a ranking must share with another, query by query, for their difference to mean something.
_SHARED = ("query_id", "group", "n_candidates", "tags")

_COLUMNS = (*_SHARED, "target_ranks", "subset_rank")

#: A scale that `cirque.tables.database` lays empty files under.
_NO_SCALE = "none"


@dataclass(frozen=True)
class Run:
    """One ranking and what its path says of it."""

    path: Path

    @property
    def keys(self) -> dict[str, str]:
        """Scale, benchmark, backbone, method and seed."""
        found = KINDS["rankings"].match(self.path)
        assert found is not None
        return found

    @property
    def metrics(self) -> Path:
        """The metrics of the same run."""
        return self.path.parents[len(KINDS["rankings"].pattern.split("/")) - 1] / KINDS["metrics"].path(**self.keys)


# ---- what there is -------------------------------------------------------------------------------------------------


def of_benchmark(results: Path, scale: str | None, benchmark: str) -> list[Run]:
    """Every ranking of a benchmark at one scale.

    Raises:
        CirqueError: there is none, or at several scales of which none was chosen; lists what there is.
    """
    runs = [Run(path) for path in sorted(results.glob(f"scale=*/{KINDS['rankings'].glob()}"))]
    runs = [run for run in runs if run.keys["scale"] != _NO_SCALE]
    if not runs:
        raise CirqueError(
            f"{results}: holds no ranking; make some (snakemake -c8 results/table_cirr.parquet) or name with --results"
            " the folder that holds scale=…"
        )
    at_scale = [run for run in runs if scale in {None, run.keys["scale"]}]
    if not at_scale:
        raise CirqueError(f"{results}: no scale is called {scale!r}; there are {_there_are(runs, 'scale')}")
    chosen = [run for run in at_scale if run.keys["benchmark"] == benchmark]
    if not chosen:
        there = _there_are(at_scale, "benchmark")
        raise CirqueError(f"{results}: no rankings of a benchmark {benchmark!r}; there are {there}")
    scales = _there_are(chosen, "scale")
    if "," in scales:
        raise CirqueError(f"{results}: {benchmark} was run at several scales; choose one with --scale: {scales}")
    return chosen


def _there_are(runs: Sequence[Run], key: str) -> str:
    """The values of a key, for an error message."""
    return ", ".join(sorted({run.keys[key] for run in runs}))


def by_backbone(
    runs: Sequence[Run], methods: Sequence[str], backbone: str | None, benchmark: str
) -> dict[str, dict[str, list[Run]]]:
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


def _of_method(runs: Sequence[Run], model: str, method: str) -> list[Run]:
    """The runs of a method on a backbone, in order of seed."""
    chosen = [run for run in runs if run.keys["backbone"] == model and run.keys["method"] == method]
    return sorted(chosen, key=lambda run: int(run.keys["seed"]))


def metrics_of(runs: Sequence[Run]) -> list[str]:
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


def values_of(runs: Mapping[str, Sequence[Run]], names: Sequence[str]) -> dict[str, dict[str, Floats]]:
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
