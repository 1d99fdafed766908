import open_clip
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.texts.templates import PROMPT, TEMPLATES
from tests import plain_text

#: From two ids to the whole context.
TEXTS = [
    "",
    "$",
    "a photo of $",
    "a photo of $ that has two wheels and $ beside it",
    "a photo of $ that " + "sits in the green garden under a tree " * 3,
    "$ " * 75,
    "a photo of $ that " + "is very old " * 23,
]


@pytest.fixture(scope="module")
def real() -> Backbone:
    return plain_text.build(plain_text.REAL)


@pytest.fixture(scope="module")
def small() -> Backbone:
    return plain_text.build(plain_text.SMALL)


def random_tokens(backbone: Backbone, n: int) -> torch.Tensor:
    return (torch.randn((n, backbone.token_dim), generator=torch.Generator().manual_seed(1)) * 0.02).requires_grad_()


# ---- tokens --------------------------------------------------------------------------------------------------------


def test_the_placeholder_is_one_token_only_between_spaces() -> None:
    tokenizer = open_clip.SimpleTokenizer()
    assert tokenizer.encode(" $ ") == [text.PLACEHOLDER_ID] == [259]
    assert tokenizer.encode("$,") == [3, 267]
    assert tokenizer.encode("$.") == [34682]
    assert tokenizer.encode("$'s") == [3, 262, 338]
    assert 259 in tokenizer.encode("$5")
    assert tokenizer.encode("*") == [265]


def test_filled_templates_have_3_to_9_tokens_and_6_875_on_average(small: Backbone) -> None:
    lengths = [len(ids) for ids in text.tokenize(small, [template.format(" $ ") for template in TEMPLATES])]
    assert len(set(TEMPLATES)) == len(TEMPLATES) == 24
    assert (min(lengths), max(lengths), sum(lengths) / 24) == (3, 9, 6.875)


def test_the_prompt_of_a_query_has_one_placeholder(small: Backbone) -> None:
    (ids,) = text.tokenize(small, [PROMPT.format(caption="has more dogs")])
    assert ids.count(text.PLACEHOLDER_ID) == 1


WORDS = st.sampled_from(
    ["Dog", "it's", "don't.", "$", "a_b", "ROCK'N'ROLL", "5,000", "&amp;", "café", "“so”", "\t", "x\ny"]
)


@example("&amp;amp;amp;amp; <")  # a sign elsewhere in the text decides how often entities are resolved
@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map(" ".join), st.text("az$'.&;_0 ", max_size=30)))
@settings(deadline=None)
def test_ids_are_those_of_open_clip(small: Backbone, sentence: str) -> None:
    (ids,) = text.tokenize(small, [sentence], truncate=True)
    padded = small.tokenizer([sentence])[0]
    assert ids == padded[: len(ids)].tolist()
    assert padded.argmax() == len(ids) - 1


def test_a_text_over_the_context_is_an_error_that_names_it(small: Backbone) -> None:
    long = "old " * 76
    with pytest.raises(CirqueError, match=r"78 tokens, 77 fit; shorten 'old old"):
        text.tokenize(small, ["short", long])
    with pytest.raises(CirqueError, match="78 tokens"):
        text.encode(small, [long])
    assert len(text.tokenize(small, [long[4:]])[0]) == 77


def test_truncation_keeps_the_end_token(small: Backbone) -> None:
    (ids,) = text.tokenize(small, ["old " * 100], truncate=True)
    assert ids == small.tokenizer(["old " * 100])[0].tolist()


def test_a_text_that_spells_the_end_token_ends_there(small: Backbone) -> None:
    spelled = "a dog <end_of_text> and a cat"
    assert text.tokenize(small, [spelled]) == text.tokenize(small, ["a dog"])
    assert torch.allclose(text.encode(small, [spelled]), small.model.encode_text(small.tokenizer([spelled])), atol=1e-6)


# ---- features ------------------------------------------------------------------------------------------------------


def test_features_equal_open_clips_own_at_the_real_size(real: Backbone) -> None:
    with torch.no_grad():
        ours = text.encode(real, TEXTS)
        own = real.model.encode_text(real.tokenizer(TEXTS))
    assert (ours - own).abs().max() <= 1e-5
    assert own.abs().max() > 0.1


@pytest.mark.parametrize("replace", ["first", "all"])
def test_a_token_gives_the_features_and_gradient_of_the_full_context_at_the_real_size(
    real: Backbone, replace: text.Replace
) -> None:
    texts = [TEXTS[1], TEXTS[3], TEXTS[6]]
    tokens = random_tokens(real, len(texts))
    ours = text.encode(real, texts, tokens, replace)
    plain = plain_text.encode(real, texts, tokens, replace)
    assert (ours - plain).abs().max() <= 1e-5
    (_, gradient), (_, expected) = (plain_text.loss_and_gradient(features, tokens) for features in (ours, plain))
    assert (gradient - expected).abs().max() <= 1e-5
    assert expected.abs().max() > 0.01


@given(
    st.lists(st.integers(0, 73), min_size=1, max_size=6),
    st.lists(st.integers(0, 73), min_size=6, max_size=6),
    st.sampled_from(["first", "all"]),
    st.integers(1, 4),
)
@settings(deadline=None, max_examples=25)
def test_trimming_changes_nothing_whatever_the_lengths(
    small: Backbone, lengths: list[int], places: list[int], replace: text.Replace, batch: int
) -> None:
    texts = []
    for length, place in zip(lengths, places, strict=False):
        words = ["dog", "$", "tree"] * 25
        texts.append(" ".join([*words[:length], "$", *words[: min(place, 74 - length)]]))
    tokens = random_tokens(small, len(texts))
    ours = text.encode(small, texts, tokens, replace, batch=batch)
    plain = plain_text.encode(small, texts, tokens, replace)
    assert (ours - plain).abs().max() <= 1e-5
    (_, gradient), (_, expected) = (plain_text.loss_and_gradient(features, tokens) for features in (ours, plain))
    assert (gradient - expected).abs().max() <= 1e-5


def test_the_two_ways_to_replace_differ_where_a_text_has_two_placeholders(small: Backbone) -> None:
    tokens = random_tokens(small, 1)
    first, every = (text.encode(small, ["$ on a $", "a $"], tokens, replace) for replace in ("first", "all"))
    assert (first[0] - every[0]).abs().max() > 1e-3
    assert torch.equal(first[1], every[1])


def test_one_token_serves_all_texts(small: Backbone) -> None:
    tokens = random_tokens(small, 1)
    texts = ["a $", "the $ there"]
    assert torch.equal(text.encode(small, texts, tokens), text.encode(small, texts, tokens.repeat(2, 1)))


def test_without_a_token_the_placeholder_is_a_literal_dollar(small: Backbone) -> None:
    own = small.model.encode_text(small.tokenizer(["costs $ 5"]))
    assert torch.allclose(text.encode(small, ["costs $ 5"]), own, atol=1e-6)


def test_ids_and_texts_give_the_same_features_in_the_order_given(small: Backbone) -> None:
    ids = text.tokenize(small, TEXTS)
    backwards = text.encode(small, ids[::-1]).flip(0)
    assert torch.equal(text.encode(small, ids), text.encode(small, TEXTS))
    assert torch.allclose(backwards, text.encode(small, TEXTS), atol=1e-6)


def test_no_texts_give_no_features(small: Backbone) -> None:
    assert text.encode(small, []).shape == (0, small.dim)


def test_a_text_without_a_place_for_its_token_is_an_error_that_names_it(small: Backbone) -> None:
    with pytest.raises(CirqueError, match="no placeholder for the pseudo token in the text 'a dog costs \\$, no less'"):
        text.encode(small, ["a $", "a dog costs $, no less"], random_tokens(small, 2))


@pytest.mark.parametrize("shape", [(3, 32), (2, 16), (32,)])
def test_tokens_of_a_wrong_shape_are_an_error(small: Backbone, shape: tuple[int, ...]) -> None:
    with pytest.raises(CirqueError, match="pseudo tokens of shape"):
        text.encode(small, ["a $", "the $"], torch.zeros(shape))


# ---- towers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{"ls_init_value": 0.5}, {"proj_type": "none"}, {"proj_bias": True}, {"qk_norm": True}]
)
def test_a_custom_tower_of_open_clip_works_too(changes: dict[str, object]) -> None:
    backbone = plain_text.build(plain_text.SMALL, open_clip.CustomTextCLIP, **changes)
    own = backbone.model.encode_text(backbone.tokenizer(TEXTS))
    assert torch.allclose(text.encode(backbone, TEXTS), own, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"no_causal_mask": True}, "is not causal"),
        ({"pool_type": "last"}, "does not read the end token"),
        ({"embed_cls": True}, "does not read the end token"),
    ],
)
def test_a_tower_that_cannot_be_trimmed_is_refused(changes: dict[str, object], problem: str) -> None:
    backbone = plain_text.build(plain_text.SMALL, open_clip.CustomTextCLIP, **changes)
    with pytest.raises(CirqueError, match=f"backbone random: its text tower {problem}"):
        text.encode(backbone, ["a dog"])


def test_a_tower_of_another_library_is_refused(small: Backbone) -> None:
    class Foreign:
        text = torch.nn.Linear(2, 2)

    backbone = Backbone(**{**vars(small), "model": Foreign()})
    with pytest.raises(CirqueError, match="its text tower is not open_clip's own"):
        text.encode(backbone, ["a dog"])
