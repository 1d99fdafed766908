"""The spaCy pipeline that tells parts of speech: `en_core_web_sm`, or a small one trained on the generated world.

    nlp = load("en_core_web_sm")
    for words, pos in tag(nlp, ["a russian blue cat"], processes=4): ...

LinCIR takes its keywords from `en_core_web_sm` (spec lincir §2.3). A pipeline is found by its folder or by the name of
an installed package; nothing is ever fetched.
"""

import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.store import provenance

#: Parts of a pipeline on which no part of speech depends. The parser is none of them: spaCy's attribute ruler, which
#: turns the tagger's tags into parts of speech, reads the parses.
NOT_NEEDED = ("ner", "lemmatizer")

#: Captions that go through the pipeline together. The same for every number of processes, so that the arithmetic is.
BATCH = 256

#: Where the pipelines of spaCy's makers are found.
RELEASES = "https://github.com/explosion/spacy-models/releases"

#: A sentence in which every pipeline must see words of some part of speech.
PROBE = "a photo of a red star"

Tagged = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Settings:
    """Size and training of the small tagger."""

    width: int
    depth: int
    embed_size: int
    epochs: int
    batch: int
    dropout: float
    learning_rate: float


# ---- use -----------------------------------------------------------------------------------------------------------


def find(model: str) -> Path:
    """Folder of a pipeline: the one given, the one inside an unpacked package, or that of an installed package.

    Raises:
        CirqueError: there is none, or more than one; the message says how to come by one.
    """
    root = Path(model)
    if not root.is_dir():
        import spacy  # noqa: PLC0415  (slow import)

        if root.name != model or not spacy.util.is_package(model):
            raise CirqueError(
                f"tagger {model}: no such folder, and no such package is installed; fetch its wheel from {RELEASES} and"
                f" give the wheel's path, or install it (python -m pip install {root.name}-VERSION-py3-none-any.whl)"
            )
        root = spacy.util.get_package_path(model)
    found = sorted(path.parent for path in root.rglob("config.cfg"))
    if len(found) != 1:
        raise CirqueError(
            f"tagger {model}: {root} holds {len(found) or 'no'} spaCy pipelines (config.cfg) instead of one; give the"
            " folder of one pipeline"
        )
    return found[0]


def load(model: str) -> Any:
    """A pipeline that tells parts of speech, without what they do not depend on (`spacy.Language`).

    Args:
        model: its folder, or the name of an installed package.

    Raises:
        CirqueError: there is no such pipeline, it is broken or made for another spaCy, or it tells no parts of speech.
    """
    import spacy  # noqa: PLC0415  (slow import)

    folder = find(model)
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".run.json")):
        provenance.read_unaltered(file)
    _require_our_spacy(folder)
    try:
        nlp = spacy.load(folder, exclude=list(NOT_NEEDED))
    except Exception as error:  # spaCy, thinc and srsly each raise kinds of their own
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(
            f"{folder}: the tagger could not be loaded ({first}); delete it and run Snakemake again"
        ) from error
    if not all(word.pos_ for word in nlp(PROBE)):
        raise CirqueError(
            f"{folder}: this pipeline ({', '.join(nlp.pipe_names) or 'empty'}) tells no parts of speech; give one that"
            " does, such as en_core_web_sm"
        )
    return nlp


def _require_our_spacy(folder: Path) -> None:
    """Refuse a pipeline made for another release of spaCy: it would load, and tag otherwise."""
    import spacy  # noqa: PLC0415  (slow import)

    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        wanted = str(meta["spacy_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CirqueError(
            f"{folder}: meta.json does not name the spaCy that it was made for; fetch it again"
        ) from error
    installed = importlib.metadata.version("spacy")
    if not spacy.util.is_compatible_version(installed, wanted):
        raise CirqueError(
            f"{folder}: made for spaCy {wanted}, but {installed} is installed; fetch the pipeline's release for"
            f" it from {RELEASES}"
        )


def tag(nlp: Any, captions: Iterable[str], processes: int = 1) -> Iterator[tuple[list[str], list[str]]]:
    """Words and universal parts of speech of each caption, in order.

    Args:
        nlp: of `load`.
        captions: cleaned captions.
        processes: at once; their number changes no result.

    Yields:
        Words and as many parts of speech; two empty lists for an empty caption.
    """
    for doc in nlp.pipe(captions, batch_size=BATCH, n_process=processes):
        yield [word.text for word in doc], [word.pos_ for word in doc]


# ---- training ------------------------------------------------------------------------------------------------------


def _pipeline(settings: Settings) -> Any:
    """An untrained pipeline: vectors of words in their surroundings, and the parts of speech predicted from them."""
    import spacy  # noqa: PLC0415  (slow import)

    nlp = spacy.blank("en")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": settings.width,
        "depth": settings.depth,
        "embed_size": settings.embed_size,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
        "pretrained_vectors": None,
    }
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": settings.width, "upstream": "tok2vec"}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener, "nO": None, "normalize": False}
    nlp.add_pipe("morphologizer", config={"model": model})
    return nlp


def _examples(nlp: Any, sentences: Sequence[Tagged]) -> list[Any]:
    from spacy.tokens import Doc  # noqa: PLC0415  (slow import)
    from spacy.training import Example  # noqa: PLC0415

    examples = []
    for sentence in sentences:
        words, pos = [word for word, _ in sentence], [tag_ for _, tag_ in sentence]
        examples.append(Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, pos=pos)))
    return examples


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """Seed NumPy's own stream, which thinc draws weights and dropout from, and give it back as it was."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def train(sentences: Sequence[Tagged], settings: Settings, seed: int) -> Any:
    """Train a tagger from scratch on sentences whose parts of speech are known.

    Args:
        sentences: each a list of (word, universal part of speech).
        settings: size and training.
        seed: of weights, order and dropout.

    Returns:
        A `spacy.Language` with tok2vec and morphologizer.

    Raises:
        CirqueError: there is no sentence, or the scores are not finite.
    """
    if not sentences:
        raise CirqueError("tagger: no sentence to learn from; raise tagger.n_sentences")
    nlp = _pipeline(settings)
    examples = _examples(nlp, sentences)
    order = np.random.default_rng(seed)
    with _drawing_from(seed):
        optimiser = nlp.initialize(lambda: examples)
        optimiser.learn_rate = settings.learning_rate
        for epoch in progress(range(settings.epochs), what="tagger", unit="epoch"):
            shuffled = order.permutation(len(examples))
            for start in range(0, len(examples), settings.batch):
                batch = [examples[i] for i in shuffled[start : start + settings.batch]]
                try:
                    nlp.update(batch, sgd=optimiser, drop=settings.dropout)
                except ValueError as error:  # spaCy looks for scores that are not finite itself
                    raise CirqueError(
                        f"tagger: training failed in epoch {epoch} ({error}); lower tagger.learning_rate (now"
                        f" {settings.learning_rate:g})"
                    ) from error
    return nlp


def accuracy(nlp: Any, sentences: Sequence[Tagged]) -> float:
    """Share of the words whose part of speech a pipeline tells rightly from the sentence's text, in [0, 1].

    A sentence that the pipeline splits into other words counts as wrong altogether.

    Raises:
        CirqueError: there is no sentence.
    """
    n_right = n_words = 0
    texts = [" ".join(word for word, _ in sentence) for sentence in sentences]
    for sentence, (words, pos) in zip(sentences, tag(nlp, texts), strict=True):
        n_words += len(sentence)
        if words == [word for word, _ in sentence]:
            n_right += sum(stated == known for stated, (_, known) in zip(pos, sentence, strict=True))
    if not n_words:
        raise CirqueError("tagger: no sentence is held out to measure it; raise tagger.n_held_out")
    return n_right / n_words
