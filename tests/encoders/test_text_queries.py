from dataclasses import replace

import numpy as np
import pytest
import torch

from cirque.encoders import text, text_queries
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from tests import small_searle


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


def queries_of(captions: list[list[str]]) -> Queries:
    return Queries([f"q{number}" for number in range(len(captions))], captions, [None] * len(captions))


def feature(backbone: Backbone, words: str, token: np.ndarray | None = None) -> np.ndarray:
    """Normalised feature of one text, alone."""
    tokens = None if token is None else torch.from_numpy(token)[None]
    with torch.no_grad():
        found = text.encode(backbone, [words], tokens=tokens)[0].numpy()
    return found / np.linalg.norm(found)


def test_one_caption_is_taken_verbatim_and_two_in_both_orders() -> None:
    assert text_queries.caption_orders([" Is it red?. "]) == [" Is it red?. "]
    assert text_queries.caption_orders(["is red", "has dots"]) == ["is red and has dots", "has dots and is red"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("is red.", "is red"),
        (" , is red ?. ", "is red"),
        ("is red, not blue. And larger!", "is red, not blue. And larger!"),
        ("two  spaces", "two  spaces"),
        ("costs $5 * \u00e9 \U0001f600.", "costs $5 * \u00e9 \U0001f600"),
        ("is red\n", "is red\n"),
        (".", ""),
    ],
)
def test_several_captions_lose_their_signs_at_both_ends_only(written, read):
    assert text_queries.caption_orders([written, "b"]) == [f"{read} and b", f"b and {read}"]


def test_a_query_is_the_normalised_feature_of_its_prompt(backbone: Backbone) -> None:
    captions = [["has {two} wheels"], ["the same, but smaller and without any of its wheels"], [" "]]
    found = text_queries.encode(queries_of(captions), backbone, "{caption}")
    for row, (caption,) in zip(found, captions, strict=True):
        assert np.allclose(row, feature(backbone, caption), atol=1e-5)


def test_a_benchmark_may_have_a_prompt_and_an_order_of_its_own(backbone: Backbone) -> None:
    token = np.linspace(-1, 1, backbone.token_dim, dtype=np.float32)
    inputs = queries_of([["is red", "has dots"]])
    inputs = replace(inputs, prompt="a {caption} of $", caption_order="reversed")
    found = text_queries.encode(inputs, backbone, "a photo of $ that {caption}", token[None])
    assert np.allclose(found[0], feature(backbone, "a has dots and is red of $", token), atol=1e-5)
    inputs = replace(inputs, caption_order="given")
    found = text_queries.encode(inputs, backbone, "{caption}")  # words alone have a prompt of their own
    assert np.allclose(found[0], feature(backbone, "is red and has dots"), atol=1e-5)


def test_each_query_takes_its_own_token_and_a_dollar_in_the_caption_none(backbone: Backbone) -> None:
    tokens = np.random.default_rng(0).normal(size=(2, small_searle.TOKEN_DIM)).astype(np.float32)
    captions = [["costs $ 5"], ["is much smaller and of another colour"]]
    found = text_queries.encode(queries_of(captions), backbone, "a photo of $ that {caption}", tokens)
    for row, (caption,), token in zip(found, captions, tokens, strict=True):
        assert np.allclose(row, feature(backbone, f"a photo of $ that {caption}", token), atol=1e-5)


def test_two_captions_give_the_normalised_mean_of_both_orders(backbone: Backbone) -> None:
    tokens = np.random.default_rng(0).normal(size=(2, small_searle.TOKEN_DIM)).astype(np.float32)
    found = text_queries.encode(queries_of([["is red"], ["a", "b c"]]), backbone, "$ {caption}", tokens)
    mean = (feature(backbone, "$ a and b c", tokens[1]) + feature(backbone, "$ b c and a", tokens[1])) / 2
    assert np.allclose(found[1], mean / np.linalg.norm(mean), atol=1e-5)
    assert np.allclose(found[0], feature(backbone, "$ is red", tokens[0]), atol=1e-5)


def test_a_method_may_join_captions_its_own_way(backbone: Backbone) -> None:
    tokens = np.random.default_rng(0).normal(size=(1, small_searle.TOKEN_DIM)).astype(np.float32)
    found = text_queries.encode(
        queries_of([["a", "b c"]]), backbone, "$ {caption}", tokens, orders=lambda own: [own[1]]
    )
    assert np.allclose(found[0], feature(backbone, "$ b c", tokens[0]), atol=1e-5)


def test_how_many_queries_go_together_changes_no_feature(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = np.random.default_rng(0).normal(size=(7, small_searle.TOKEN_DIM)).astype(np.float32)
    inputs = queries_of([["is " + "very " * number + "red"] for number in range(7)])
    whole = text_queries.encode(inputs, backbone, "a photo of $ that {caption}", tokens)
    monkeypatch.setattr(text_queries, "TEXTS_AT_ONCE", 3)
    assert np.allclose(text_queries.encode(inputs, backbone, "a photo of $ that {caption}", tokens), whole, atol=1e-6)


def test_a_prompt_over_the_context_is_an_error_that_names_the_query(backbone: Backbone) -> None:
    captions = [["is red"], ["very " * 80 + "long"]]
    with pytest.raises(CirqueError, match="query q1: text over the context"):
        text_queries.encode(queries_of(captions), backbone, "{caption}")


def test_a_prompt_of_exactly_the_context_is_none(backbone: Backbone) -> None:
    assert text_queries.encode(queries_of([["very " * 75]]), backbone, "{caption}").shape == (1, small_searle.DIM)
