"""Keywords of captions, and captions with placeholders in their stead (LinCIR §3.2, Tables 7 and 8).

    masked = MASKINGS["substring"]("a russian blue cat is gray", words, pos, rng)  # rng(): of this caption and pass
    ids = masked_ids(backbone, masked)  # of "[$] is [$]"

Self-masking projection: φ must give a token from which the text tower, put in the keywords' places, makes the
caption's own features again. Which words make room decides what the token learns; each way has a name in `MASKINGS`.
"""

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text, token_ids
from cirque.encoders.token_ids import TokenIds
from cirque.errors import CirqueError

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone

#: Stands for the pseudo token in a masked caption. Captions are cleaned of `$`, so that none can spell it.
MASK = "[$]"

#: Parts of speech of a keyword. The paper speaks of adjectives and nouns; its code takes determiners along.
KEYWORD_POS = frozenset({"NOUN", "PROPN", "ADJ", "DET"})

NOUN_POS = frozenset({"NOUN", "PROPN"})

#: What is encoded where no placeholder is left: spec lincir §2.4.
FALLBACK = "a photo of [$]"

#: Gives a caption's draws when they are asked for: most captions ask for none, and a generator costs more than masking.
Rng = Callable[[], np.random.Generator]

Masking = Callable[[str, Sequence[str], Sequence[str], Rng], str]


# ---- runs ----------------------------------------------------------------------------------------------------------


def run_spans(pos: Sequence[str], kept: Collection[str] = KEYWORD_POS) -> list[range]:
    """Maximal runs of words whose part of speech is among `kept`, in order of appearance."""
    spans: list[range] = []
    for place, tag in enumerate(pos):
        if tag not in kept:
            continue
        if spans and spans[-1].stop == place:
            spans[-1] = range(spans[-1].start, place + 1)
        else:
            spans.append(range(place, place + 1))
    return spans


def runs(words: Sequence[str], pos: Sequence[str], kept: Collection[str] = KEYWORD_POS) -> list[str]:
    """Keywords of a caption: maximal runs of adjectives, nouns and determiners (spec lincir §2.3).

    Args:
        words: of the cleaned caption, as the tagger splits them.
        pos: universal part of speech of each word.
        kept: parts of speech of a run.

    Returns:
        The words of each run joined by one space, in order of appearance, repeats among them.

    Raises:
        CirqueError: there are not as many parts of speech as words.
    """
    _require_one_tag_a_word(words, pos)
    return [" ".join(words[span.start : span.stop]) for span in run_spans(pos, kept)]


def _require_one_tag_a_word(words: Sequence[str], pos: Sequence[str]) -> None:
    if len(words) != len(pos):
        raise CirqueError(f"{len(words)} words with {len(pos)} parts of speech ({' '.join(words)!r}); tag it again")


# ---- replacement ---------------------------------------------------------------------------------------------------


def replace_substrings(caption: str, keywords: Sequence[str], rng: Rng) -> str:
    """Put placeholders in a caption as the released code does (spec lincir §2.4), to the letter.

    Every occurrence of a keyword makes room, within words too: the lone determiner `a` takes each letter a along. A
    keyword that does not stand in the caption as it is (its words were not divided by one space), or a caption
    without keywords, has one word drawn instead, and ends the work.
    """
    masked = caption
    for keyword in keywords or [""]:
        if not keyword or keyword not in caption:
            return masked.replace(_draw_word(caption, rng), MASK)
        masked = masked.replace(keyword, MASK)
    return masked


def _draw_word(caption: str, rng: Rng) -> str:
    """One of what single spaces divide: an empty word where two spaces meet, and in an empty caption."""
    words = caption.split(" ")
    return words[int(rng().integers(len(words)))]


def replace_spans(caption: str, words: Sequence[str], spans: Sequence[range]) -> str:
    """Put one placeholder in the place of each span of words, and leave the rest of the caption untouched.

    Raises:
        CirqueError: the words are not those of the caption.
    """
    starts, ends = _positions(caption, words)
    pieces, cursor = [], 0
    for span in spans:
        pieces += [caption[cursor : starts[span.start]], MASK]
        cursor = ends[span.stop - 1]
    return "".join([*pieces, caption[cursor:]])


def _positions(caption: str, words: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where each word begins and ends; spaCy's words are the caption's letters without the single spaces."""
    starts, ends, cursor = [], [], 0
    for word in words:
        start = cursor if caption.startswith(word, cursor) else cursor + 1
        if not caption.startswith(word, start) or caption[cursor:start].strip():
            raise CirqueError(f"the word {word!r} does not stand at its place in the caption {caption!r}; tag it again")
        cursor = start + len(word)
        starts.append(start)
        ends.append(cursor)
    return starts, ends


# ---- maskings ------------------------------------------------------------------------------------------------------


def mask_substrings(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """All keywords, as the released code does: the method, and the last row of Table 8."""
    return replace_substrings(caption, runs(words, pos), rng)


def mask_tokens(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """All keywords, each at its own place only; where there is none, a word is drawn."""
    _require_one_tag_a_word(words, pos)
    spans = run_spans(pos)
    return replace_spans(caption, words, spans) if spans else mask_random_word(caption, words, pos, rng)


def mask_some(n_keywords: int, caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """At most `n_keywords` keywords, drawn without replacement (Table 8: 1, 3 and 5 keyword tokens)."""
    keywords = runs(words, pos)
    drawn = sorted(rng().choice(len(keywords), min(n_keywords, len(keywords)), replace=False)) if keywords else []
    return replace_substrings(caption, [keywords[place] for place in drawn], rng)


def mask_random_word(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """One word drawn among those that single spaces divide (Table 8: random token)."""
    return replace_substrings(caption, [], rng)


def mask_non_keywords(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """What is no keyword: one placeholder for each maximal run of such words (Table 8: non-keyword tokens)."""
    _require_one_tag_a_word(words, pos)
    if not words:
        return MASK
    # What the tagger calls a space is no word: it neither makes room nor joins what stands around it.
    others = {tag for tag in pos if tag not in KEYWORD_POS and tag != "SPACE"}
    return replace_spans(caption, words, run_spans(pos, others))


def mask_nouns(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """Runs of nouns instead of keywords, replaced as the released code does (Table 8: all noun tokens)."""
    return replace_substrings(caption, runs(words, pos, NOUN_POS), rng)


def mask_whole(caption: str, words: Sequence[str], pos: Sequence[str], rng: Rng) -> str:
    """Always the same prompt, whatever the caption says (Table 7a)."""
    return FALLBACK


#: Ways to mask: a cleaned caption, its words, their parts of speech and draws of its own give the masked caption, with
#: `[$]` where the pseudo token goes; possibly nowhere, see `masked_ids`.
MASKINGS: dict[str, Masking] = {
    "substring": mask_substrings,
    "token": mask_tokens,
    "keywords-1": functools.partial(mask_some, 1),
    "keywords-3": functools.partial(mask_some, 3),
    "keywords-5": functools.partial(mask_some, 5),
    "random-word": mask_random_word,
    "non-keywords": mask_non_keywords,
    "nouns": mask_nouns,
    "prompt": mask_whole,
}


# ---- tokens --------------------------------------------------------------------------------------------------------


def masked_ids(backbone: "Backbone", masked: str) -> list[int]:
    """Ids of a masked caption, from the start token to the end token (spec lincir §2.4, §2.5).

    `[$]` is a token of its own that divides what stands around it: `m[$]n` has the ids of `m`, of the placeholder,
    and of `n`. A text over the context is cut. Where no placeholder is left, the ids are those of `a photo of $`.

    Args:
        backbone: whose tokenizer and context length are used.
        masked: a caption with `[$]`.

    Returns:
        Ids, at least one of them `text.PLACEHOLDER_ID`.
    """
    ids = text.framed(backbone, list(_inner_ids(backbone, masked)))
    return ids if text.PLACEHOLDER_ID in ids else text.framed(backbone, list(_inner_ids(backbone, FALLBACK)))


def ids_of_masked(backbone: "Backbone", masked: Sequence[str]) -> TokenIds:
    """Ids of masked captions, as `masked_ids` gives them one by one.

    In plain ASCII no token crosses a space, so that `m[$]n` and `m $ n` have the same ids; any other caption, and one
    with a `$` of its own, goes through `masked_ids`.
    """
    plain = [text.is_plain(one) and one.count("$") == one.count(MASK) for one in masked]
    ids = token_ids.tokenize(backbone, [one.replace(MASK, f" {text.PLACEHOLDER} ") for one in masked])
    others = np.flatnonzero(~(np.array(plain, dtype=bool) & ids.with_id(text.PLACEHOLDER_ID)))
    return ids.replaced(others, TokenIds.of([masked_ids(backbone, masked[number]) for number in others.tolist()]))


def _inner_ids(backbone: "Backbone", masked: str) -> Iterator[int]:
    """Ids without start and end. A `$` that the tokenizer made of a wide letter or an entity is left out."""
    for number, piece in enumerate(masked.split(MASK)):
        if number:
            yield text.PLACEHOLDER_ID
        yield from (id_ for id_ in text.inner_ids(backbone.tokenizer, piece) if id_ != text.PLACEHOLDER_ID)
