"""Evaluate methods on a benchmark: compose queries, rank the gallery, measure, write files for the test server."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cirque import precisions
from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.evaluation import outcomes
from cirque.evaluation.measures import Resampling
from cirque.evaluation.metrics import MACROS
from cirque.evaluation.protocol import Protocol
from cirque.families import METHODS
from cirque.methods.provider import Provider
from cirque.store import files, provenance, schemas


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
    precision: precisions.FrozenPrecision = "fp32",
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
        precision: What the towers' products are computed in; features and ranking are fp32.
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
        precision=precision,
    )
    candidates = files.read_table(gallery, ["image_id", "group"])
    gallery_ids = candidates["image_id"].to_pylist()
    benchmark = outcomes.Asked(asked, outcomes.gallery(candidates, load_features(features, gallery_ids)[1]))
    provenance.read(MACROS)
    for run in json.loads(runs):
        names = {"benchmark": protocol.benchmark, "backbone": backbone, "method": run["method"], "seed": run["seed"]}
        with provenance.part(runs=run["method"], seed=run["seed"]):
            composed = compose(run, provider)
            outcomes.keep(
                *(names, composed, benchmark),
                protocol=protocol,
                resampling=resampling,
                folder=output,
                is_bound=run["bound"],
            )


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
