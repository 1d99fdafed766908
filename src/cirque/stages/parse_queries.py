"""Turn a benchmark's official annotation files into queries and gallery."""

from pathlib import Path

from cirque import datasets, files, schemas
from cirque.errors import CirqueError
from cirque.progress import say


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
    """
    benchmark = datasets.load_benchmark(dataset)
    rows = benchmark.queries(data_root, split, answers, full_captions)
    listed = files.read_table(images, schemas.IMAGES.names).to_pylist()
    if [row["image_id"] for row in listed] != [name for name, _ in benchmark.images(data_root, split)]:
        raise CirqueError(
            f"{images}: lists other images than {benchmark.TITLE} {split} has; its image set in the configuration is "
            "of another split, or the split file changed: delete it and run Snakemake again"
        )
    files.write_rows(queries, rows, schemas.QUERIES)
    where = ("image_id", "shard", "key")
    whole = {"group": "", "crop": None}
    files.write_rows(gallery, [{key: row[key] for key in where} | whole for row in listed], schemas.GALLERY)
    say(f"{benchmark.TITLE} {split}: {len(rows):,} queries, {len(listed):,} gallery images")
