"""Turn the annotation files of a train split into triplets."""

from pathlib import Path

from cirque import datasets
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, schemas


def main(*, dataset: str, split: str, data_root: Path, output: Path) -> None:
    """Write triplets (schemas.TRIPLETS) in the order of the official files.

    Args:
        dataset: Module of cirque.datasets.
        split: Split of that data set whose targets are public.
        data_root: Folder of the data sets.
        output: Parquet file to write.
    """
    listed = datasets.load_listed(dataset)
    triplets = listed.triplets(data_root, split)
    if not triplets:
        raise CirqueError(f"{listed.TITLE} {split}: lists no triplet; get its annotation files again")
    files.write_rows(output, [triplet._asdict() for triplet in triplets], schemas.TRIPLETS)
    say(f"{listed.TITLE} {split}: {len(triplets):,} triplets")
