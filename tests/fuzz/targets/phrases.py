"""Phrases as they were released: a pickle that stand-ins take apart."""

import pickle
from pathlib import Path

from cirque.store import provenance
from cirque.texts import released_phrases
from tests.fuzz.harness import Target

_PHRASES = {"dog": ["a photo of dog that runs", "a photo of dog that sleeps"]}


def _pickles(folder: Path) -> list[bytes]:
    return [pickle.dumps(_PHRASES, protocol) for protocol in (2, 4)]


def _read(file: Path) -> list[list[str]]:
    return released_phrases.read(file, provenance.bytes_sha256(file), list(_PHRASES), 2)


TARGETS = [Target("released_phrases", "concept_to_phrases.pkl", _pickles, _read)]
