"""Take over the scenes of a CSS that was downloaded: the release's file as the JSON that all later stages read."""

from pathlib import Path

from cirque.css import release
from cirque.progress import say


def main(*, released: Path, output: Path) -> None:
    """Read the release's file, of which no code is run, and write what it says.

    Args:
        released: css_toy_dataset_novel2_small.dup.npy.
        output: JSON file of the same structure.
    """
    splits = release.read(released)
    release.write(output, splits)
    for name, split in splits.items():
        n_queries = sum(len(asked.sources) for asked in split.asked)
        say(f"CSS {name}: {len(split.images):,} images, {len(split.asked):,} modifications, {n_queries:,} queries")
