"""Generate the scenes and modifications of CSS: the JSON that the data set's parser reads."""

from pathlib import Path

from cirque.css import making, release
from cirque.progress import say


def main(
    *,
    seed: int,
    counts: making.Counts,
    n_references: int,
    n_modifications: int,
    n_test_references: int,
    n_test_modifications: int,
    output: Path,
) -> None:
    """Make both splits, and say how many images, modifications and queries they have.

    Args:
        seed: Of all draws.
        counts: Whether the numbers of modifications are those of each reference (paper) or of the split (release).
        n_references: Images of train that something is asked of.
        n_modifications: Modifications of train.
        n_test_references: Images of test that something is asked of.
        n_test_modifications: Modifications of test.
        output: JSON file of the structure of the release's.
    """
    splits = {
        "train": making.make(seed, "train", counts, n_references, n_modifications),
        "test": making.make(seed, "test", counts, n_test_references, n_test_modifications),
    }
    release.write(output, splits)
    for name, split in splits.items():
        n_queries = sum(len(asked.sources) for asked in split.asked)
        say(f"CSS {name}: {len(split.images):,} images, {len(split.asked):,} modifications, {n_queries:,} queries")
