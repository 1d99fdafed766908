"""Score what others computed, on a benchmark of the results: features, or lists of the best images."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import tyro

from cirque import submissions
from cirque.errors import CirqueError
from cirque.evaluation import ranking, scored
from cirque.evaluation.measures import Resampling, measure
from cirque.evaluation.metrics import has_answers
from cirque.plan import jobs
from cirque.plan.paths import KINDS
from cirque.progress import say
from cirque.report import scores
from cirque.store import files, provenance, schemas


def main(
    *,
    benchmark: str,
    queries: Path | None = None,
    gallery: Path | None = None,
    ranked: Annotated[Path | None, tyro.conf.arg(name="ranking")] = None,
    keep: str | None = None,
    backbone: str = "scored",
    submission: Path | None = None,
    scale: str | None = None,
    results: Path = Path("results"),
    resamples: int = 10_000,
    bootstrap_seed: int = 0,
    level: float = 0.95,
) -> None:
    """Print every metric of the benchmark with its interval, by the benchmark's own protocol.

    Args:
        benchmark: as configured: circo_val.
        queries: features of the composed queries: .npy in the benchmark's order, .parquet or .safetensors with ids.
        gallery: features of the images, likewise.
        ranked: a ranking in their place: Parquet as `rankings`, a TREC run, or a file for CIRR's or CIRCO's server.
        keep: name under which ranking and metrics are kept among the results, where `compare` and DuckDB find them.
        backbone: under which they are kept: the one of the methods that they are to be compared with.
        submission: folder for the test server's files, where the benchmark has a server.
        scale: of the results: mini, paper; needed if there are several.
        results: folder of scale=….
        resamples: of the intervals.
        bootstrap_seed: of these draws.
        level: of the intervals.
    """
    folder, config = _settings(results, scale, benchmark)
    entry = config["benchmarks"][benchmark]
    asked = files.read_table(folder / KINDS["queries"].path(benchmark=benchmark), schemas.QUERIES.names).to_pylist()
    listed = files.read_table(folder / KINDS["gallery"].path(benchmark=benchmark), ["image_id", "group"])
    ids, groups = listed["image_id"].to_pylist(), [group or "" for group in listed["group"].to_pylist()]
    if (ranked is None) == (queries is None and gallery is None) or (queries is None) != (gallery is None):
        raise CirqueError("score: give features (--queries and --gallery), or --ranking")
    if queries is not None and gallery is not None:
        rows, names = _of_features(queries, gallery, asked, (ids, groups), entry), list(entry["metrics"])
    else:
        assert ranked is not None
        candidates = ranking.Gallery(ids, np.empty((0, 0), np.float32), groups)
        rows, names = scored.ranking(
            ranked,
            asked,
            candidates,
            entry["metrics"],
            remove_reference=entry["remove_reference"],
            ties=entry.get("ties", "gallery"),
        )
    table = pa.Table.from_pylist(rows, schema=schemas.RANKINGS)
    figures: list[dict[str, Any]] = []
    if has_answers(table, names):
        figures = measure(table, names, Resampling(resamples, bootstrap_seed, level), benchmark)
        scores.show(benchmark, figures, level)
    else:
        say(f"{benchmark}: the answers are hidden; --submission FOLDER writes the server's files")
    if submission is not None:
        _submit(jobs.server(config, benchmark), rows, asked, ids, submission)
    if keep is not None:
        run = {"benchmark": benchmark, "backbone": backbone, "method": keep, "seed": 0}
        _keep(folder, run, table, figures, entry["split"])


def _settings(results: Path, scale: str | None, benchmark: str) -> tuple[Path, dict[str, Any]]:
    """The folder of the scale, and what the configuration says of it."""
    found = sorted(results.glob(f"scale={scale or '*'}/{KINDS['settings'].path()}"))
    if len(found) != 1:
        there = ", ".join(path.parent.name.removeprefix("scale=") for path in found)
        problem = f"holds several scales; choose one with --scale: {there}" if found else "holds no results of a scale"
        raise CirqueError(f"{results}: {problem}")
    config: dict[str, Any] = files.read_json(found[0])
    if benchmark not in config["benchmarks"]:
        there = ", ".join(config["benchmarks"])
        raise CirqueError(f"{found[0]}: no benchmark is called {benchmark!r}; there are {there}")
    return found[0].parent, config


def _of_features(
    queries: Path,
    gallery: Path,
    asked: list[dict[str, Any]],
    candidates: tuple[list[str], list[str]],
    entry: dict[str, Any],
) -> list[dict[str, Any]]:
    """Rank the gallery as the workflow does."""
    ids, groups = candidates
    images = list(dict.fromkeys(ids))  # an image may stand in several groups
    row_of = {name: row for row, name in enumerate(images)}
    of_images = ranking.normalise(scored.features(gallery, images, "image"), images)
    query_ids = [query["query_id"] for query in asked]
    composed = ranking.normalise(scored.features(queries, query_ids, "query"), query_ids)
    whole = ranking.Gallery(ids, of_images[[row_of[name] for name in ids]], groups)
    return ranking.rank(asked, composed, whole, entry["remove_reference"], entry.get("ties", "gallery"))


def _keep(folder: Path, run: dict[str, Any], ranked: pa.Table, figures: list[dict[str, Any]], split: str) -> None:
    """Write ranking and metrics where those of the workflow's runs lie."""
    path = folder / KINDS["rankings"].path(**run)
    if path.is_file() and (provenance.read_record(path) or {}).get("stage") != "score":
        raise CirqueError(f"{path}: is the workflow's own run; keep this one under another name")
    files.write_table(path, ranked, schemas.RANKINGS)
    rows = [{**run, "split": split, **figure} for figure in figures]
    files.write_rows(folder / KINDS["metrics"].path(**run), rows, schemas.METRICS)
    say(f"{path}: kept; python -m cirque compare --benchmark {run['benchmark']} {run['method']} METHOD compares it")


def _submit(
    server: str | None,
    rows: list[dict[str, Any]],
    asked: list[dict[str, Any]],
    gallery: list[str],
    folder: Path,
) -> None:
    """Write the files for the benchmark's test server."""
    if server is None:
        raise CirqueError("score: --submission: this benchmark has no test server, its answers are public")
    paths = {file: folder / f"{file}.json" for file in submissions.load(server).FILES}
    submissions.write_all(server, rows, asked, gallery, paths)
    say(f"{', '.join(map(str, paths.values()))}: for the test server")
