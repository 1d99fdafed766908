"""Evaluate composers on a benchmark: each encodes gallery and queries itself; then as every method is evaluated."""

import json
from pathlib import Path

import numpy as np

from cirque import devices, precisions
from cirque.data import decoded
from cirque.encoders import composers
from cirque.errors import CirqueError
from cirque.evaluation import outcomes, ranking
from cirque.evaluation.measures import Resampling
from cirque.evaluation.metrics import MACROS
from cirque.evaluation.protocol import Protocol
from cirque.store import files, provenance, schemas


def main(
    *,
    runs: str,
    queries: Path,
    gallery: Path,
    images: Path,
    pixels: Path,
    reference_pixels: Path | None = None,
    backbone: str,
    protocol: Protocol,
    resampling: Resampling,
    output: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.Precision = "fp32",
) -> None:
    """Write query features, rankings and metrics of each run, below a folder.

    Args:
        runs: JSON, a list of runs: `method`, `seed` and `composer`, the weights of its model.
        queries: queries.parquet of the benchmark.
        gallery: gallery.parquet of the benchmark; its order breaks ties.
        images: images.parquet of the image set that holds gallery and references.
        pixels: Decoded images of that set.
        reference_pixels: Decoded images of the references, where they are pictures of another kind; of the same ids.
        backbone: Name of the trunk in the configuration.
        protocol: How the benchmark is evaluated.
        resampling: Of the intervals.
        output: Folder of the scale, below which all is written.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the composers' products are computed in; features and ranking are fp32.
    """
    place = devices.prepare(threads, device, precision)
    asked = files.read_table(queries, schemas.QUERIES.names).to_pylist()
    if not asked:
        raise CirqueError(f"{queries}: holds no query")
    candidates = files.read_table(gallery, ["image_id", "group", "shard"])
    ids = files.read_table(images, ["image_id"])["image_id"].to_pylist()
    row = {name: number for number, name in enumerate(ids)}
    seen = decoded.read(pixels, len(ids))
    references = seen if reference_pixels is None else decoded.read(reference_pixels, len(ids))
    of_queries = np.array([row[query["reference_id"]] for query in asked], dtype=np.intp)
    named = candidates["image_id"].to_pylist()
    asks_for_texts = candidates["shard"].null_count > 0
    query_ids = [query["query_id"] for query in asked]
    provenance.read(MACROS)
    for run in json.loads(runs):
        names = {"benchmark": protocol.benchmark, "backbone": backbone, "method": run["method"], "seed": run["seed"]}
        with provenance.part(runs=run["method"], seed=run["seed"]), devices.autocast(place, precision):
            composer = composers.load(Path(run["composer"]), place)
            of_images = composer.encode_images(seen)
            if asks_for_texts:
                composed, features = of_images[of_queries], composer.name(named)
            else:
                texts = [" and ".join(query["captions"]) for query in asked]
                composed = composer.compose(references, of_queries, texts)
                features = of_images[[row[name] for name in named]]
            outcomes.keep(
                *(
                    names,
                    ranking.normalise(composed, query_ids),
                    outcomes.Asked(asked, outcomes.gallery(candidates, features)),
                ),
                protocol=protocol,
                resampling=resampling,
                folder=output,
            )
