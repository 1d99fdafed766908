import numpy as np
import pytest
import torch

from cirque.encoders import text, text_queries
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.methods import pic2word
from cirque.networks import phi
from tests import plain_text, small_searle


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def network() -> phi.Pic2WordPhi:
    network = phi.initial_pic2word(small_searle.DIM, small_searle.TOKEN_DIM, 0.1, 0, n_layers=2, middle_dim=12)
    return network.eval().requires_grad_(False)


def compose(captions: list[list[str]], features: np.ndarray, network: phi.Phi, backbone: Backbone) -> np.ndarray:
    names = [f"q{number}" for number in range(len(captions))]
    return pic2word.compose(Queries(names, captions, [None] * len(captions)), backbone, features, network)


def released(backbone: Backbone, prompts: list[str], tokens: torch.Tensor) -> np.ndarray:
    """The released way: the word *, of id 265, whose embedding gives way to the token; the full context."""
    ids = backbone.tokenizer(prompts)
    slot = int((ids[0] == 265).nonzero()[0])
    x = backbone.model.token_embedding(ids)
    x[:, slot] = tokens
    x = backbone.model.transformer(x + backbone.model.positional_embedding, attn_mask=backbone.model.attn_mask)
    x = backbone.model.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ backbone.model.text_projection
    return torch.nn.functional.normalize(x, dim=-1).numpy()


@pytest.mark.parametrize("scale", [1.0, 9.0])
def test_queries_are_those_of_the_released_prompt(scale: float, backbone: Backbone, network: phi.Pic2WordPhi) -> None:
    captions = [["is red"], [" Has TWO wheels, and no handlebar. "], ["is darker", "has no sleeves"]]
    features = scale * np.random.default_rng(0).normal(size=(3, small_searle.DIM)).astype(np.float32)
    prompts = [
        "a photo of * , is red",
        "a photo of * ,  Has TWO wheels, and no handlebar. ",
        "a photo of * , has no sleeves and is darker",
    ]
    found = compose(captions, features, network, backbone)
    expected = released(backbone, prompts, network(torch.from_numpy(features)))
    assert np.allclose(found, expected, atol=1e-5)


def test_the_comma_stands_alone_so_that_the_token_keeps_its_place(backbone: Backbone) -> None:
    (ids,) = text.tokenize(backbone, [pic2word.PROMPT.format(caption="is red")])
    (glued,) = text.tokenize(backbone, ["a photo of $, is red"])
    assert ids[:6] == [49406, 320, 1125, 539, text.PLACEHOLDER_ID, 267]
    assert text.PLACEHOLDER_ID not in glued


def test_several_captions_are_joined_last_first_and_not_averaged() -> None:
    assert text_queries.last_first(["is red", "has dots"]) == ["has dots and is red"]
    assert text_queries.last_first([" Is it red?. ", "has dots."]) == ["has dots. and  Is it red?. "]
    assert text_queries.last_first([" Is it red?. "]) == [" Is it red?. "]


def test_a_phi_for_other_features_is_an_error(backbone: Backbone, network: phi.Pic2WordPhi) -> None:
    with pytest.raises(CirqueError, match="image features have 7 dimensions and φ reads 8"):
        compose([["is red"]], np.ones((1, 7), dtype=np.float32), network, backbone)


def test_a_phi_with_tokens_for_another_backbone_is_an_error(network: phi.Pic2WordPhi) -> None:
    other = plain_text.build(plain_text.SMALL)
    with pytest.raises(CirqueError, match="pseudo tokens have 16 dimensions and the backbone random needs 32"):
        compose([["is red"]], np.ones((1, small_searle.DIM), dtype=np.float32), network, other)
