"""Take over the phrases that the authors released, for all parts of the vocabulary."""

from pathlib import Path

from cirque.progress import say
from cirque.store import files, schemas
from cirque.texts import concepts, released_phrases
from cirque.texts.phrases import part_of


def main(*, vocabulary: Path, released: Path, sha256: str, n_phrases: int, phrases: list[Path]) -> None:
    """Write the phrases of each part's concepts, in the order of the vocabulary.

    Args:
        vocabulary: Open Images class file.
        released: The authors' pickled dictionary.
        sha256: Of this file.
        n_phrases: Phrases of each concept.
        phrases: A Parquet file for each part of the vocabulary, in order.
    """
    names = concepts.read_vocabulary(vocabulary)
    taken = dict(zip(names, released_phrases.read(released, sha256, names, n_phrases), strict=True))
    for number, output in enumerate(phrases):
        rows = [{"concept": name, "phrases": taken[name]} for name in part_of(names, number, len(phrases))]
        files.write_rows(output, rows, schemas.PHRASES, schemas.CONCEPTS_OF_A_GROUP)
    say(f"{released}: {n_phrases:,} phrases of each of {len(names):,} concepts")
