from collections.abc import Sequence

import numpy as np
import pytest
import torch

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.methods import captioning
from tests import small_searle


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


def compose(backbone: Backbone, captions: list[list[str]], references: Sequence[str], **protocol: str) -> np.ndarray:
    names = [f"q{number}" for number in range(len(captions))]
    return captioning.compose(Queries(names, captions, [None] * len(captions), **protocol), backbone, references)


def features(backbone: Backbone, words: list[str]) -> np.ndarray:
    with torch.no_grad():
        return torch.nn.functional.normalize(text.encode(backbone, words), dim=-1).numpy()


def test_the_generated_caption_stands_in_the_place_of_the_pseudo_word(backbone: Backbone) -> None:
    found = compose(backbone, [["is red"], ["Has two wheels."]], ["a cat on a box", "a {bicycle} for $"])
    words = ["a photo of a cat on a box that is red", "a photo of a {bicycle} for $ that Has two wheels."]
    assert np.allclose(found, features(backbone, words), atol=1e-5)


def test_two_captions_are_joined_in_both_orders_and_averaged(backbone: Backbone) -> None:
    both = features(
        backbone,
        ["a photo of a dress that is red and has dots", "a photo of a dress that has dots and is red"],
    ).sum(0)
    found = compose(backbone, [["is red", "has dots"]], ["a dress"])
    assert np.allclose(found[0], both / np.linalg.norm(both), atol=1e-5)
    given = compose(backbone, [["is red", "has dots"]], ["a dress"], caption_order="given")
    assert np.allclose(given, features(backbone, ["a photo of a dress that is red and has dots"]), atol=1e-5)


def test_a_benchmarks_own_prompt_takes_the_caption_too(backbone: Backbone) -> None:
    found = compose(backbone, [["cartoon"]], ["a shark"], prompt="a {caption} of $", text_prompt="a {caption} of")
    assert np.allclose(found, features(backbone, ["a cartoon of a shark"]), atol=1e-5)


def test_without_a_generated_caption_the_query_is_the_words_alone_and_the_log_counts_them(
    backbone: Backbone, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compose(backbone, [["is red"], ["is blue"]], ["", "a cat"])
    assert np.allclose(found, features(backbone, ["is red", "a photo of a cat that is blue"]), atol=1e-5)
    assert "1 queries whose reference has an empty caption" in capsys.readouterr().err
    prompted = compose(backbone, [["cartoon"]], [""], prompt="a {caption} of $", text_prompt="a {caption} of")
    assert np.allclose(prompted, features(backbone, ["a cartoon of"]), atol=1e-5)


def test_of_a_long_text_the_generated_caption_loses_its_last_words_and_the_query_none(
    backbone: Backbone, capsys: pytest.CaptureFixture[str]
) -> None:
    relative, reference = "is " + " ".join(["red"] * 40), " ".join(["star"] * 40)
    filled, was_cut = captioning.fitting(backbone, "a photo of {reference} that {caption}", reference, relative)
    (ids,) = text.tokenize(backbone, [filled])
    assert len(ids) == backbone.context_length
    assert was_cut
    assert filled.endswith(f"star that {relative}")
    compose(backbone, [[relative], ["is red"]], [reference, "a cat"])
    assert "1 whose reference's caption was cut" in capsys.readouterr().err


def test_a_relative_caption_over_the_context_is_an_error_that_names_the_query(backbone: Backbone) -> None:
    with pytest.raises(CirqueError, match="query q0: text over the context"):
        compose(backbone, [["red " * 90]], ["a cat"])
