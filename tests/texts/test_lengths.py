"""Texts that fit CLIP's context are told from those that do not, as its own tokenizer counts."""

import open_clip
import pytest

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
def test_the_bound_is_never_below_the_tokenizers_count(text):
    assert lengths._at_most(text) >= len(TOKENIZER.encode(text)) + 2 == lengths._exactly(text)


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
