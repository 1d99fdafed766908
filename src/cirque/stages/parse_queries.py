"""Turn a benchmark's official annotation files into queries and gallery."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from cirque import datasets
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, schemas
from cirque.texts.lengths import refuse_long
from cirque.texts.templates import PROMPT


def main(
    *,
    dataset: str,
    split: str,
    data_root: Path,
    images: Path,
    queries: Path,
    gallery: Path,
    answers: Path | None = None,
    full_captions: Path | None = None,
    protocol: str | None = None,
    prompt: str = PROMPT,
) -> None:
    """Write queries (schemas.QUERIES) and gallery (schemas.GALLERY) in the order of the official files.

    Args:
        dataset: module of cirque.datasets.
        split: split of that data set.
        data_root: folder of the data sets.
        images: images.parquet of the split's image set.
        queries: queries.parquet.
        gallery: gallery.parquet; its order breaks ties.
        answers: {query: target} of a hidden split whose answers are known.
        full_captions: {query: caption of its target}, where the data are generated.
        protocol: of those that the data set's module names, where papers disagree; by default the usual one.
        prompt: that the benchmark puts its captions into; they must fit CLIP's context with it.
    """
    benchmark = datasets.load_benchmark(dataset)
    rows = benchmark.queries(data_root, split, answers, full_captions, **datasets.protocol(dataset, protocol))
    listed = files.read_table(images, schemas.IMAGES.names).to_pylist()
    if [row["image_id"] for row in listed] != [name for name, _ in benchmark.images(data_root, split)]:
        raise CirqueError(
            f"{images}: lists other images than {benchmark.TITLE} {split} has; its image set in the configuration is "
            "of another split, or the split file changed: delete it and run Snakemake again"
        )
    of_image: dict[str, dict[str, Any]] = {
        row["image_id"]: {"shard": row["shard"], "key": row["key"], "crop": None} for row in listed
    }
    if datasets.asks_for_texts(dataset):
        of_image = defaultdict(lambda: {"shard": None, "key": None, "crop": None})
    candidates = [
        {"image_id": image_id, "group": group, **of_image[image_id]}
        for image_id, group in datasets.gallery(dataset, data_root, split, protocol)
    ]
    refuse_long(
        {f"{benchmark.TITLE} {split}, query {row['query_id']}": " and ".join(row["captions"]) for row in rows}, prompt
    )
    files.write_rows(queries, rows, schemas.QUERIES)
    files.write_rows(gallery, candidates, schemas.GALLERY)
    say(f"{benchmark.TITLE} {split}: {len(rows):,} queries, {len(candidates):,} candidates")
