"""The method of the Combiner: both features as the towers give them, captions as the release joins them."""

import numpy as np
import pytest
import torch

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.methods import combiner as method
from cirque.networks import combiner
from tests import plain_text

SMALL = plain_text.SMALL
DIM = SMALL["embed_dim"]
CAPTIONS = [[" Has TWO wheels. "], ["is red.", " older?"]]
FEATURES = 5 * np.random.default_rng(0).normal(size=(2, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return plain_text.build(SMALL)


@pytest.fixture(scope="module")
def network() -> combiner.Combiner:
    return combiner.initial(DIM, 9, 11, 0.5, 0).eval().requires_grad_(False)


def compose(backbone: Backbone, network: combiner.Combiner, features: np.ndarray = FEATURES, **how: str) -> np.ndarray:
    return method.compose(Queries(["a", "b"], CAPTIONS, [None] * 2, **how), backbone, features, network)


@pytest.mark.parametrize(
    ("how", "texts"),
    [
        ({}, [" Has TWO wheels. ", "is red and older"]),
        ({"caption_order": "reversed"}, [" Has TWO wheels. ", " older? and is red."]),
        ({"text_prompt": "a photo of {caption}"}, ["a photo of  Has TWO wheels. ", "a photo of is red and older"]),
    ],
)
def test_queries_are_the_combiners_of_un_normalised_features(
    backbone: Backbone, network: combiner.Combiner, how: dict[str, str], texts: list[str]
) -> None:
    found = compose(backbone, network, **how)
    expected = network(torch.from_numpy(FEATURES), text.encode(backbone, texts))
    assert np.allclose(found, expected.detach().numpy(), atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


def test_captions_in_both_orders_are_averaged_where_a_benchmark_asks(
    backbone: Backbone, network: combiner.Combiner
) -> None:
    both = text.encode(backbone, ["is red and older", "older and is red"]).mean(dim=0, keepdim=True)
    expected = network(torch.from_numpy(FEATURES[1:]), both).detach().numpy()
    assert np.allclose(compose(backbone, network, caption_order="both")[1:], expected, atol=1e-5)


def test_features_of_another_backbone_are_refused(backbone: Backbone, network: combiner.Combiner) -> None:
    with pytest.raises(CirqueError, match=f"image features have 7 dimensions, the backbone random has {DIM}"):
        compose(backbone, network, FEATURES[:, :7])
    other = combiner.initial(DIM + 1, 9, 11, 0.5, 0)
    with pytest.raises(CirqueError, match=f"and the Combiner reads {DIM + 1}"):
        compose(backbone, other)
