import functools
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.texts import captions, keywords
from cirque.texts.keywords import MASKINGS
from tests import plain_text
from tests.small_tagger import HOSTILE

CAT = "a russian blue cat is gray and cute"
CAT_POS = ["DET", "ADJ", "ADJ", "NOUN", "AUX", "ADJ", "CCONJ", "ADJ"]
MAN = "a running man"
MAN_POS = ["DET", "VERB", "NOUN"]

#: Four keywords, one of which stands twice, divided by words that are none.
DOGS = "dogs with cats and birds or dogs"
DOGS_POS = ["NOUN", "ADP", "NOUN", "CCONJ", "NOUN", "CCONJ", "NOUN"]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return plain_text.build(plain_text.SMALL)


def mask(name: str, caption: str, pos: list[str], words: list[str] | None = None, seed: int = 0) -> str:
    rng = functools.partial(draws.generator, seed, "mask", caption)
    return MASKINGS[name](caption, caption.split() if words is None else words, pos, rng)


def outcomes(name: str, caption: str, pos: list[str], words: list[str] | None = None) -> Counter[str]:
    return Counter(mask(name, caption, pos, words, seed) for seed in range(200))


# ---- runs ----------------------------------------------------------------------------------------------------------


def test_keywords_are_maximal_runs_of_determiners_adjectives_and_nouns() -> None:
    assert keywords.runs(CAT.split(), CAT_POS) == ["a russian blue cat", "gray", "cute"]
    assert keywords.runs(MAN.split(), MAN_POS) == ["a", "man"]


def test_repeated_keywords_are_kept_in_order_of_appearance() -> None:
    assert keywords.runs(DOGS.split(), DOGS_POS) == ["dogs", "cats", "birds", "dogs"]


def test_a_run_is_joined_by_one_space_whatever_divided_its_words() -> None:
    assert keywords.runs(["t", "-", "shirt"], ["NOUN", "NOUN", "PROPN"]) == ["t - shirt"]
    assert keywords.runs(["t", "-", "shirt"], ["NOUN", "PUNCT", "PROPN"]) == ["t", "shirt"]


def test_a_caption_may_have_no_keyword() -> None:
    assert keywords.runs([], []) == keywords.runs(["running", "!"], ["VERB", "PUNCT"]) == []


@given(st.lists(st.sampled_from(["NOUN", "PROPN", "ADJ", "DET", "VERB", "ADP", "PUNCT", "NUM", "SPACE"])))
def test_runs_and_what_is_between_them_make_the_whole(pos: list[str]) -> None:
    inside = {place for span in keywords.run_spans(pos) for place in span}
    assert inside == {place for place, tag in enumerate(pos) if tag in keywords.KEYWORD_POS}
    spans = keywords.run_spans(pos)
    assert all(one.stop < other.start for one, other in itertools.pairwise(spans))


@pytest.mark.parametrize("name", sorted(set(MASKINGS) - {"prompt", "random-word"}))
def test_words_without_a_part_of_speech_are_an_error(name: str) -> None:
    with pytest.raises(CirqueError, match="3 words with 2 parts of speech"):
        mask(name, MAN, MAN_POS[:2])


# ---- the released replacement --------------------------------------------------------------------------------------


def test_every_keyword_makes_room() -> None:
    assert mask("substring", CAT, CAT_POS) == "[$] is [$] and [$]"


def test_a_lone_determiner_takes_every_letter_a_along() -> None:
    assert mask("substring", MAN, MAN_POS) == "[$] running m[$]n"


def test_a_keyword_is_replaced_within_other_words() -> None:
    assert mask("substring", "art at the party", ["NOUN", "ADP", "ADP", "VERB"]) == "[$] at the p[$]y"


def test_a_keyword_that_an_earlier_one_destroyed_changes_nothing() -> None:
    # `man` no longer stands in the text, but in the caption: no word is drawn
    assert outcomes("substring", MAN, MAN_POS) == {"[$] running m[$]n": 200}


def test_a_keyword_that_does_not_stand_in_the_caption_has_a_word_drawn_and_ends_the_work() -> None:
    words, pos = ["dog", "-", "house", "near", "trees"], ["NOUN", "NOUN", "NOUN", "ADP", "NOUN"]
    found = outcomes("substring", "dog-house near trees", pos, words)
    assert set(found) == {"[$] near trees", "dog-house [$] trees", "dog-house near [$]"}
    assert min(found.values()) > 40


def test_keywords_before_one_that_is_not_there_have_made_room() -> None:
    words, pos = (
        ["cats", "at", "dog", "-", "house", "or", "cats"],
        ["NOUN", "ADP", "NOUN", "NOUN", "NOUN", "ADP", "NOUN"],
    )
    found = outcomes("substring", "cats at dog-house or cats", pos, words)
    # drawn from the caption and looked for in the text: the word "cats" is gone from it
    assert set(found) == {
        "[$] at dog-house or [$]",
        "[$] [$] dog-house or [$]",
        "[$] at [$] or [$]",
        "[$] at dog-house [$] [$]",
    }


def test_a_caption_without_keywords_has_one_word_drawn() -> None:
    found = outcomes("substring", "run run fast", ["VERB", "VERB", "ADV"])
    assert set(found) == {"[$] [$] fast", "run run [$]"}
    assert found["[$] [$] fast"] > found["run run [$]"]


@pytest.mark.parametrize("name", list(MASKINGS))
def test_an_empty_caption_is_a_placeholder(name: str) -> None:
    assert mask(name, "", []) in {"[$]", "a photo of [$]"}
    assert (mask(name, "", []) == "a photo of [$]") == (name == "prompt")


def test_an_empty_word_between_two_spaces_puts_placeholders_between_all_letters() -> None:
    found = outcomes("substring", "go  up", ["VERB", "SPACE", "ADV"], ["go", " ", "up"])
    assert set(found) == {"[$]  up", "go  [$]", "[$]g[$]o[$] [$] [$]u[$]p[$]"}


@given(st.text("ab $", max_size=12), st.integers(0, 5))
def test_a_drawn_word_is_what_pythons_replace_makes_of_it(caption: str, seed: int) -> None:
    rng = functools.partial(draws.generator, seed, "x")
    masked = keywords.replace_substrings(caption, [], rng)
    assert masked in {caption.replace(word, "[$]") for word in caption.split(" ")}


# ---- the other maskings --------------------------------------------------------------------------------------------


def test_tokens_make_room_at_their_own_places_only() -> None:
    assert mask("token", MAN, MAN_POS) == "[$] running [$]"
    assert mask("token", CAT, CAT_POS) == "[$] is [$] and [$]"
    words = ["a", "t", "-", "shirt", ",", "it", "'s", "a", "shirt"]
    pos = ["DET", "NOUN", "PUNCT", "NOUN", "PUNCT", "PRON", "AUX", "DET", "NOUN"]
    assert mask("token", "a t-shirt, it's a shirt", pos, words) == "[$]-[$], it's [$]"


def test_tokens_that_no_single_space_divides_make_room_too() -> None:
    assert mask("token", "run\tdog", ["VERB", "SPACE", "NOUN"], ["run", "\t", "dog"]) == "run\t[$]"
    assert (
        mask("token", "red  dogs run", ["ADJ", "SPACE", "NOUN", "VERB"], ["red", " ", "dogs", "run"]) == "[$]  [$] run"
    )


def test_words_of_another_caption_are_an_error() -> None:
    with pytest.raises(CirqueError, match="the word 'cat' does not stand at its place in the caption 'a dog'"):
        mask("token", "a dog", ["DET", "NOUN"], ["a", "cat"])
    with pytest.raises(CirqueError, match="'dog' does not stand at its place"):
        mask("token", "a big dog", ["DET", "NOUN"], ["a", "dog"])


@pytest.mark.parametrize(("name", "most"), [("keywords-1", 1), ("keywords-3", 3), ("keywords-5", 5)])
def test_some_keywords_are_drawn_without_replacement(name: str, most: int) -> None:
    numbers = {7 - sum(word in masked.split() for word in DOGS.split()) for masked in outcomes(name, DOGS, DOGS_POS)}
    # each "dogs" takes the other along
    assert numbers == {1: {1, 2}, 3: {3, 4}, 5: {4}}[most]


def test_as_many_keywords_as_there_are_make_the_method() -> None:
    assert outcomes("keywords-5", DOGS, DOGS_POS) == {mask("substring", DOGS, DOGS_POS): 200}


def test_every_keyword_can_be_drawn() -> None:
    found = outcomes("keywords-1", CAT, CAT_POS)
    assert set(found) == {
        "[$] is gray and cute",
        "a russian blue cat is [$] and cute",
        "a russian blue cat is gray and [$]",
    }
    assert min(found.values()) > 40


def test_a_random_word_may_be_any_word() -> None:
    assert set(outcomes("random-word", "red cars go", ["ADJ", "NOUN", "VERB"])) == {
        "[$] cars go",
        "red [$] go",
        "red cars [$]",
    }


def test_all_but_the_keywords_make_room_with_one_placeholder_a_run() -> None:
    assert mask("non-keywords", CAT, CAT_POS) == "a russian blue cat [$] gray [$] cute"
    pos = ["NOUN", "PUNCT", "AUX", "PART", "DET", "NOUN"]
    assert mask("non-keywords", "dogs, are not a cat", pos, ["dogs", ",", "are", "not", "a", "cat"]) == "dogs[$] a cat"


def test_a_caption_of_keywords_alone_is_left_without_placeholder() -> None:
    assert mask("non-keywords", "red cars", ["ADJ", "NOUN"]) == "red cars"


def test_nouns_alone_make_room_without_their_adjectives_and_determiners() -> None:
    assert mask("nouns", CAT, CAT_POS) == "a russian blue [$] is gray and cute"


def test_the_prompt_says_nothing_of_the_caption() -> None:
    assert mask("prompt", CAT, CAT_POS) == mask("prompt", MAN, MAN_POS) == "a photo of [$]"


@pytest.mark.parametrize("name", list(MASKINGS))
def test_equal_draws_mask_alike(name: str) -> None:
    assert mask(name, DOGS, DOGS_POS, seed=3) == mask(name, DOGS, DOGS_POS, seed=3)


# ---- ids -----------------------------------------------------------------------------------------------------------


def test_a_placeholder_has_the_id_of_a_dollar_between_spaces(backbone: Backbone) -> None:
    ids = [49406, 320, 1125, 539, 259, 682, 533, 736, 49407]
    assert keywords.masked_ids(backbone, "a photo of [$] that is red") == ids
    assert text.tokenize(backbone, ["a photo of $ that is red"]) == [ids]


def test_a_placeholder_divides_what_stands_around_it(backbone: Backbone) -> None:
    ids = keywords.masked_ids(backbone, "[$] running m[$]n")
    assert text.tokenize(backbone, ["$ running m $ n"]) == [ids]
    assert keywords.masked_ids(backbone, "[$][$]") == [49406, 259, 259, 49407]


def test_a_text_over_the_context_is_cut_and_keeps_its_end(backbone: Backbone) -> None:
    ids = keywords.masked_ids(backbone, "[$] " + "old " * 100)
    assert ids == keywords.masked_ids(backbone, "[$] " + "old " * 74)
    assert (len(ids), ids[1], ids[-1]) == (77, 259, 49407)


@pytest.mark.parametrize("masked", ["", "red cars", "old " * 75 + "[$]", "a dog <end_of_text> [$]"])
def test_without_a_placeholder_the_ids_are_those_of_the_prompt(masked: str, backbone: Backbone) -> None:
    assert keywords.masked_ids(backbone, masked) == [49406, 320, 1125, 539, 259, 49407]


def test_ids_of_many_masked_captions_are_those_of_each_alone(backbone: Backbone) -> None:
    masked = [
        "[$] is [$]", "m[$]n", "caf[$] é[$]", "no mask", "", "$ here [$]", "[$]" * 80, "x " * 100 + "[$]", "a & [$]",
        "&#36; [$]", "[[$]]", "＄ [$] w", "\n[$]", "a dog <end_of_text> [$]",
    ]  # fmt: skip
    ids = keywords.ids_of_masked(backbone, masked)
    assert [ids.row(number) for number in range(len(ids))] == [keywords.masked_ids(backbone, one) for one in masked]
    assert len(keywords.ids_of_masked(backbone, [])) == 0


@pytest.mark.parametrize("sign", ["&#36;", "\uff04", "&dollar;"])
def test_a_price_takes_no_token(sign: str, backbone: Backbone) -> None:
    assert keywords.masked_ids(backbone, f"[$] costs {sign} 5").count(259) == 1


@pytest.mark.parametrize("raw", HOSTILE)
@pytest.mark.parametrize("name", list(MASKINGS))
def test_any_caption_is_masked_and_has_room_for_a_token(name: str, raw: str, backbone: Backbone) -> None:
    import spacy  # noqa: PLC0415  (slow import)

    caption = captions.truncate(backbone.tokenizer, captions.clean(raw), backbone.context_length)
    words = [word.text for word in spacy.blank("en")(caption)]
    for seed in range(5):
        pos = list(np.random.default_rng(seed).choice(["NOUN", "DET", "VERB", "PUNCT", "SPACE"], len(words)))
        ids = keywords.masked_ids(backbone, mask(name, caption, pos, words, seed))
        assert 259 in ids
        assert (ids[0], ids[-1]) == (49406, 49407)
        assert len(ids) <= 77
