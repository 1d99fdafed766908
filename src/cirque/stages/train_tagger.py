"""Train the small spaCy pipeline that tells parts of speech, on sentences of the generated world."""

from pathlib import Path

from cirque.errors import CirqueError
from cirque.mini import parts_of_speech
from cirque.progress import say
from cirque.store import files
from cirque.texts import tagger

#: Share of the held-out words that a tagger must get right to be used: the grammar it learns is closed.
LEAST_ACCURACY = 0.99

#: What is known of the trained tagger, beside the pipeline's own files.
SIDE_CAR = "accuracy.json"


def main(*, settings: tagger.Settings, n_sentences: int, n_held_out: int, seed: int, output: Path) -> None:
    """Write a pipeline folder as spaCy does, with its accuracy on sentences that it has not seen.

    Args:
        settings: Size and training of the tagger.
        n_sentences: Sentences to learn from.
        n_held_out: Further sentences to measure it with.
        seed: Of sentences, weights, order and dropout.
        output: Folder to make; it appears only when whole.
    """
    lines = parts_of_speech.sentences(seed, n_sentences + n_held_out)
    sentences = [parts_of_speech.tagged(line) for line in lines]
    nlp = tagger.train(sentences[:n_sentences], settings, seed)
    right = tagger.accuracy(nlp, sentences[n_sentences:])
    if right < LEAST_ACCURACY:
        raise CirqueError(
            f"tagger: {right:.2%} of the held-out words are right, {LEAST_ACCURACY:.0%} are needed; raise tagger.epochs"
            f" (now {settings.epochs}) or tagger.n_sentences (now {n_sentences:,})"
        )
    with files.atomic_folder(output) as partial:
        nlp.to_disk(partial)
        stated = {"accuracy": right, "n_sentences": n_sentences, "n_held_out": n_held_out, "seed": seed}
        files.write_json(partial / SIDE_CAR, stated)
    say(f"tagger: {right:.2%} of the words of {n_held_out:,} held-out sentences are right")
