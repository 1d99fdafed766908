"""A tagger that is trained in a second, and the captions that a corpus from the web may bring along."""

from pathlib import Path

from cirque.mini import parts_of_speech
from cirque.texts import tagger

SETTINGS = tagger.Settings(width=16, depth=1, embed_size=200, epochs=4, batch=32, dropout=0.1, learning_rate=0.01)

HOSTILE = [
    "costs $ 5 or $5",
    "*** sale *** 50% off",
    "so happy 😀👩‍👩‍👧 today",
    "un café à Zürich 北京 — “bon”",
    "old " * 500,
    "",
    "   ",
    "<PERSON> and <PERSON> on stage",
    "A T-Shirt, it's well-made",
    "a [$] in a [box]",
    "say \"cheese\" & 'smile'",
    "two  spaces and a\ttab",
    "a photo of a red star",
]


def write(folder: Path) -> Path:
    """Train a tagger on the generated world and write its folder; returns it."""
    sentences = [parts_of_speech.tagged(line) for line in parts_of_speech.sentences(0, 300)]
    tagger.train(sentences, SETTINGS, seed=0).to_disk(folder)
    return folder
