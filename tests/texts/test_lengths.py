"""Texts that fit CLIP's context are told from those that do not, as its own tokenizer counts."""

import open_clip
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cirque.errors import CirqueError
from cirque.texts import lengths

TOKENIZER = open_clip.SimpleTokenizer()

TEXTS = [
    "is green and no longer pink, and has a dark background",
    "the dog's 12 puppies weren't in the picture!!! 3.5kg & more",
    "Übergrößenträger mit Schnürsenkeln – 漢字かな交じり文 🌵🌵",
    "qwrtzpsdfg hjklyxcvbnm don't they're snake_case __init__",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_exact_number_is_the_tokenizers(text):
    assert lengths._exactly(text) == len(TOKENIZER.encode(text)) + 2


def test_letters_that_are_rewritten_into_several_are_counted_exactly():
    dz = "Ǆ"  # two letters to the tokenizer
    n = (lengths.CONTEXT - 2) // len(TOKENIZER.encode(dz)) + 1
    with pytest.raises(CirqueError, match="query 7"):
        lengths.refuse_long({"query 7": " ".join([dz] * n)}, "{caption}")


#: Whole words with what may stand between them: a piece that is split at another place is another word.
WORDS = st.lists(st.sampled_from(["'s", "'t", "tuff", "the", "quick", "ace", ":/", "_", "&", ";", "\0", " ", "0", "<"]))


@settings(deadline=None, max_examples=1000)
@given(st.text(st.characters(codec="ascii"), max_size=60) | WORDS.map("".join))
@example(":/_")
@example("'stuff")
@example("&acE;")
@example("quick\0tuff")
def test_the_bound_holds_for_any_text(text):
    assert lengths._at_most(text) >= lengths._exactly(text)


def test_the_bound_of_common_words_is_their_count():
    assert lengths._at_most(TEXTS[0]) == lengths._exactly(TEXTS[0])


@pytest.mark.parametrize("word", ["red", "🌵", "漢"])
def test_what_does_not_fit_is_named_with_its_length(word):
    each = len(TOKENIZER.encode(word))
    fitting = 75 // each
    lengths.refuse_long({"query 7": " ".join([word] * fitting)}, "{caption}")
    with pytest.raises(CirqueError, match=f"query 7: is {each * (fitting + 1) + 2} tokens long in"):
        lengths.refuse_long({"query 7": " ".join([word] * (fitting + 1))}, "{caption}")


def test_the_prompt_counts():
    lengths.refuse_long({"query 7": "red " * 74}, "{caption}")
    with pytest.raises(CirqueError, match="query 7"):
        lengths.refuse_long({"query 7": "red " * 74}, "a photo of $ that {caption}")
