"""Phrases as SEARLE's authors released them, in place of sampling: GPTNeo27B.zip of their release `weights`.

phrases:
  released: {file: ~/models/GPT_phrases/GPTNeo27B/concept_to_phrases.pkl, sha256: …}
"""

from collections.abc import Sequence
from pathlib import Path

from cirque.errors import CirqueError, listed
from cirque.store import provenance, unpickling

DOCS = "docs/data.md#released-phrases"


def read(path: Path, sha256: str, concepts: Sequence[str], n_phrases: int) -> list[list[str]]:
    """The phrases of each concept, in the order of the concepts.

    Args:
        path: A pickled dictionary, concept → phrases; nothing that it names is run.
        sha256: Of the file that is meant.
        concepts: The vocabulary.
        n_phrases: Phrases of each concept.

    Raises:
        CirqueError: it is another file, no such dictionary, or has no or other numbers of phrases of a concept.
    """
    found = provenance.sha256(path) if path.is_file() else None
    if found not in (None, sha256):
        raise CirqueError(
            f"{path}: has the sha256 {found} instead of {sha256}; correct `phrases.released` in the configuration if"
            " this is the file that is meant"
        )
    phrases = unpickling.read(path, DOCS)
    if not isinstance(phrases, dict):
        raise CirqueError(f"{path}: holds no dictionary of concepts and phrases; get the official file again ({DOCS})")
    missing = [concept for concept in concepts if concept not in phrases]
    if missing:
        raise CirqueError(
            f"{path}: has no phrases of {len(missing):,} of {len(concepts):,} concepts ({listed(missing)}); the"
            " vocabulary must be the one that they were sampled for"
        )
    for concept in concepts:
        _require_phrases(f"{path}: {concept!r}", phrases[concept], n_phrases)
    return [phrases[concept] for concept in concepts]


def _require_phrases(where: str, phrases: object, n_phrases: int) -> None:
    if not isinstance(phrases, list) or not all(isinstance(phrase, str) and phrase for phrase in phrases):
        raise CirqueError(f"{where}: its phrases are no list of texts; get the official file again ({DOCS})")
    if len(phrases) != n_phrases:
        raise CirqueError(
            f"{where}: has {len(phrases):,} phrases, and phrases.n_phrases of the configuration is {n_phrases:,}"
        )
