import numpy as np
import pytest
import torch

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.methods import palavra
from cirque.texts.templates import PROMPT
from tests import small_searle


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


TOKENS = np.random.default_rng(0).normal(size=(2, small_searle.TOKEN_DIM)).astype(np.float32)


def compose(backbone: Backbone, captions: list[list[str]], prompt: str | None = None) -> np.ndarray:
    names = [f"q{number}" for number in range(len(captions))]
    queries = Queries(names, captions, [None] * len(captions), prompt=prompt)
    return palavra.compose(queries, backbone, TOKENS, ["Red ball", "{Cat}"])


def feature(backbone: Backbone, words: str, token: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = text.encode(backbone, [words], tokens=torch.from_numpy(token)[None])[0].numpy()
    return found / np.linalg.norm(found)


def test_a_querys_token_follows_its_references_concept(backbone: Backbone) -> None:
    found = compose(backbone, [["is red"], ["costs {5} $"]])
    assert np.allclose(found[0], feature(backbone, "a photo of Red ball $ that is red", TOKENS[0]), atol=1e-5)
    assert np.allclose(found[1], feature(backbone, "a photo of {Cat} $ that costs {5} $", TOKENS[1]), atol=1e-5)


def test_two_captions_are_averaged_in_both_orders(backbone: Backbone) -> None:
    found = compose(backbone, [["a", "b c"], ["d"]])
    both = [feature(backbone, f"a photo of Red ball $ that {words}", TOKENS[0]) for words in ("a and b c", "b c and a")]
    assert np.allclose(found[0], sum(both) / np.linalg.norm(sum(both)), atol=1e-5)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a {caption} of $", "a cartoon of Red ball $"),
        ("a photo of $ and {caption}", "a photo of Red ball $ and cartoon"),
        ("a photo of $ , {caption}", "a photo of Red ball $ , cartoon"),
    ],
)
def test_in_a_benchmarks_own_prompt_the_concept_stands_before_the_token_too(
    prompt: str, expected: str, backbone: Backbone
) -> None:
    found = compose(backbone, [["cartoon"], ["toy"]], prompt)
    assert np.allclose(found[0], feature(backbone, expected, TOKENS[0]), atol=1e-5)


def test_the_concept_stands_where_the_token_of_other_methods_does() -> None:
    assert PROMPT.replace("$", "{concept} $") == "a photo of {concept} $ that {caption}"
