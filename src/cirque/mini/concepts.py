"""The concept vocabulary, in the format of the Open Images class file, and the corpus of sentences about its names."""

import csv
import hashlib
import io
import random

from cirque.mini.captions import clause
from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, draw_scene
from cirque.mini.words import NOUNS, PLACES, THINGS


def concepts() -> list[str]:
    """Display names, sorted: the nouns of the objects, names of things, and places of the backgrounds."""
    names = [singular for nouns in NOUNS.values() for singular, _ in nouns]
    names += [thing for things in THINGS.values() for thing in things]
    return sorted({name.capitalize() for name in names} | set(PLACES))


def vocabulary() -> str:
    """The vocabulary as CSV: LabelName, DisplayName."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["LabelName", "DisplayName"])
    for name in concepts():
        writer.writerow([f"/m/0{hashlib.sha256(name.encode()).hexdigest()[:6]}", name])
    return text.getvalue()


def _sentence(rng: random.Random, names: list[str]) -> str:
    """`a photo of Star that is blue and has a striped background`."""
    scene = draw_scene(rng)
    said = rng.sample([name for name in ATTRIBUTES if name != "shape"], rng.choice((1, 1, 2, 3)))
    clauses = " and ".join(clause(scene, attribute, False, rng) for attribute in said)
    return f"a photo of {rng.choice(names)} that {clauses}"


def corpus(seed: int, n_sentences: int) -> list[str]:
    """Sentences from which a language model learns to continue `a photo of {concept} that`."""
    names = concepts()
    return [_sentence(draws(seed, "corpus", i), names) for i in range(n_sentences)]
