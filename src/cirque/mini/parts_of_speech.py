"""Parts of speech of the generated sentences, from which the small tagger learns.

The grammar of the captions (`cirque.mini.captions`), of the concept corpus and of the relative captions is closed: a
lexicon and a few rules tell every word, in the universal tags of spaCy. A word that neither knows is an error, so that
a grammar that grows cannot teach the tagger nonsense.
"""

import re
from collections.abc import Callable

from cirque.errors import CirqueError
from cirque.mini.captions import caption
from cirque.mini.concepts import corpus
from cirque.mini.draws import draws
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import COLOURS, draw_scene
from cirque.mini.words import BACKDROPS, NOUNS, NUMBERS, PLACES, THINGS
from cirque.texts.captions import clean

#: Words whose part of speech no neighbour changes, beside those that the world's own lists name.
WORDS = {
    "NOUN": "photo picture image illustration sketch diagram background backdrop group shape shapes thing things"
    " front place colour",
    "ADJ": "single more",
    "DET": "a an the this no",
    "ADP": "of in on against with than into from",
    "ADV": "instead rather only alone now longer",
    "PART": "not",
    "PRON": "that them we it",
    "CCONJ": "and",
    "AUX": "is are was were",
    "VERB": "see contains has have show shows come comes painted turned turn moved got became make change put replace"
    " add remove leave number",
    "PUNCT": ",",
}


def _lexicon() -> dict[str, str]:
    """The part of speech of every word that has but one."""
    names = [name for pair in NOUNS.values() for forms in pair for name in forms]
    names += [name for things in THINGS.values() for name in things]
    names += [name for _, things in BACKDROPS.values() for name in things]
    names += [*PLACES]
    lexicon = {word: "NOUN" for name in names for word in name.lower().split()}
    # "orange" is a colour here before it is a fruit.
    lexicon |= dict.fromkeys(COLOURS, "ADJ") | {adjective: "ADJ" for adjective, _ in BACKDROPS.values()}
    lexicon |= dict.fromkeys(NUMBERS.values(), "NUM")
    return lexicon | {word: pos for pos, words in WORDS.items() for word in words.split()}


LEXICON: dict[str, str] = _lexicon()


def _one(before: str, after: str) -> str:
    """`a striped one` against `one star`, `only one of them`."""
    return "NOUN" if LEXICON.get(before) == "ADJ" else "NUM"


def _all(before: str, after: str) -> str:
    """`is all blue` against `two in all`."""
    return "PRON" if before == "in" else "ADV"


def _some(before: str, after: str) -> str:
    """`some red stars` against `remove some to leave one`."""
    return "PRON" if after == "to" else "DET"


def _to(before: str, after: str) -> str:
    """`to leave only one` against `moved to a plain background`."""
    return "PART" if after == "leave" else "ADP"


#: Words whose part of speech their neighbours decide: the word before and the word after, empty at the ends.
RULES: dict[str, Callable[[str, str], str]] = {"one": _one, "all": _all, "some": _some, "to": _to}


def tagged(sentence: str) -> list[tuple[str, str]]:
    """The words of a sentence of the world, each with its universal part of speech.

    Args:
        sentence: in lower case (`captions.clean`).

    Raises:
        CirqueError: a word is not of the world.
    """
    words = re.findall(r"\w+|[^\w\s]", sentence)
    found = []
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        pos = RULES[word](before, after) if word in RULES else LEXICON.get(word)
        if pos is None:
            raise CirqueError(
                f"mini world: the part of speech of {word!r} is not known ({sentence!r}); add the word to"
                " cirque.mini.parts_of_speech"
            )
        found.append((word, pos))
    return found


def sentences(seed: int, n_sentences: int) -> list[str]:
    """Sentences to learn parts of speech from, all different: of the corpus, captions, and relative captions in turn.

    Raises:
        CirqueError: so many sentences of the world are not all different.
    """
    found: dict[str, None] = {}
    for i, line in enumerate(corpus(seed, n_sentences)):
        rng = draws(seed, "parts of speech", i)
        scene, other = draw_scene(rng), draw_scene(rng)
        lines = [line, caption(scene, rng), relative_caption(scene, other, rng)]
        found.update(dict.fromkeys(clean(line) for line in lines if line))
        if len(found) >= n_sentences:
            return list(found)[:n_sentences]
    raise CirqueError(f"mini world: {n_sentences:,} different sentences were asked for, {len(found):,} were found")
