"""Evaluate methods on a benchmark: compose queries, rank the gallery, measure, write files for the test server."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from cirque import submissions
from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.evaluation import ranking
from cirque.evaluation.measures import Resampling, measure
from cirque.evaluation.metrics import MACROS, has_answers
from cirque.evaluation.protocol import Protocol
from cirque.families import METHODS
from cirque.methods.provider import Provider
from cirque.plan.paths import KINDS
from cirque.progress import say
from cirque.store import files, provenance, schemas, vectors


@dataclass(frozen=True)
class Benchmark:
    """Queries and candidates of a benchmark, by one backbone."""

    queries: list[dict[str, Any]]
    gallery: ranking.Gallery


def main(
    *,
    runs: str,
    queries: Path,
    gallery: Path,
    features: list[Path],
    weights: Path,
    preprocess: str,
    backbone: str,
    protocol: Protocol,
    resampling: Resampling,
    output: Path,
    threads: int,
    prompt: str | None = None,
    text_prompt: str = "{caption}",
    caption_order: Literal["both", "given", "reversed"] | None = None,
    device: str = "auto",
) -> None:
    """Write query features, rankings and metrics of each run, below a folder; a tower is loaded once for all of them.

    Args:
        runs: JSON, a list of runs: `method`, `composer` (its module), `seed`, `bound`, and `inputs`: the files that
            the composer reads by kind, with `{shard}` for each shard of `features`.
        queries: queries.parquet of the benchmark.
        gallery: gallery.parquet of the benchmark; its order breaks ties.
        features: feature shards of the image set that holds gallery and references.
        weights: Weights of the backbone, which made the features.
        preprocess: Name of the preprocessing, for methods that read the references' pixels.
        backbone: Its name in the configuration.
        protocol: How the benchmark is evaluated.
        resampling: Of the intervals.
        output: Folder of the scale, below which all is written.
        threads: Threads for torch.
        prompt: The benchmark's own prompt, with `$` for the pseudo token and `{caption}`, in place of the methods'.
        text_prompt: The benchmark's prompt without a pseudo token, for the baselines that read the words alone.
        caption_order: The benchmark's own way of joining several captions, in place of the methods'.
        device: auto, cpu or cuda.
    """
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    if not asked:
        raise CirqueError(f"{queries}: holds no query")
    provider = Provider(
        asked,
        {"prompt": prompt, "text_prompt": text_prompt, "caption_order": caption_order},
        features=features,
        weights=weights,
        preprocess=preprocess,
        threads=threads,
        device=device,
    )
    benchmark = Benchmark(asked, _gallery(gallery, features))
    provenance.read(MACROS)
    for run in json.loads(runs):
        names = {"benchmark": protocol.benchmark, "backbone": backbone, "method": run["method"], "seed": run["seed"]}
        with provenance.part(runs=run["method"], seed=run["seed"]):
            composed = compose(run, provider)
            _evaluate(run, names, composed, benchmark, protocol=protocol, resampling=resampling, folder=output)


def _gallery(gallery: Path, features: Sequence[Path]) -> ranking.Gallery:
    """Candidates with their features; an image may stand in several groups."""
    candidates = files.read_table(gallery, ["image_id", "group"])
    ids = candidates["image_id"].to_pylist()
    normalised = ranking.normalise(load_features(features, ids)[1], ids)
    return ranking.Gallery(ids, normalised, [group or "" for group in candidates["group"].to_pylist()])


def _evaluate(
    run: dict[str, Any],
    names: dict[str, Any],
    composed: np.ndarray,
    benchmark: Benchmark,
    *,
    protocol: Protocol,
    resampling: Resampling,
    folder: Path,
) -> None:
    """One run, from its composed queries to its metrics."""
    path = {kind: folder / KINDS[kind].path(**names) for kind in ("query_features", "rankings", "metrics")}
    query_ids = [query["query_id"] for query in benchmark.queries]
    vectors.write(path["query_features"], query_ids, composed, schemas.query_features(composed.shape[1]))
    normalised = ranking.normalise(composed, query_ids)
    rows = ranking.rank(benchmark.queries, normalised, benchmark.gallery, protocol.remove_reference, protocol.ties)
    ranked = pa.Table.from_pylist(rows, schema=schemas.RANKINGS)
    files.write_table(path["rankings"], ranked, schemas.RANKINGS)
    figures: list[dict[str, Any]] = []
    if has_answers(ranked, protocol.metrics):
        figures = measure(ranked, protocol.metrics, resampling, str(path["rankings"]))
    common = {**names, "split": protocol.split}
    files.write_rows(path["metrics"], [{**common, **row} for row in figures], schemas.METRICS)
    if protocol.server and not run["bound"]:
        kind = KINDS["submissions"]
        paths = {
            file: folder / kind.path(**names, server_file=file) for file in submissions.load(protocol.server).FILES
        }
        submissions.write_all(protocol.server, rows, benchmark.queries, benchmark.gallery.ids, paths)
    hidden = "" if figures else "; the answers are hidden, so nothing is measured: the server scores the submission"
    say(f"{run['method']}: {len(rows):,} queries against {len(benchmark.gallery.ids):,} images{hidden}")


def compose(run: dict[str, Any], provider: Provider) -> np.ndarray:
    """Query features of a run [n_queries, dim], L2-normalised.

    Raises:
        CirqueError: something that the method reads is not there, or a feature is not finite.
    """
    reads = METHODS.parameters(run["composer"])
    given = {name: provider.get(name, run) for name in reads}
    composed: np.ndarray = METHODS.load(run["composer"]).compose(**given)
    broken = np.flatnonzero(~np.isfinite(composed).all(axis=1))
    if len(broken):
        first = provider.queries.query_ids[int(broken[0])]
        raise CirqueError(f"{run['method']}: the features of {len(broken)} queries are not finite (first: {first})")
    return composed
