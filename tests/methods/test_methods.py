import numpy as np
import pytest
import torch

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.text_queries import Queries
from cirque.errors import CirqueError
from cirque.families import METHODS
from cirque.networks import phi
from tests import small_searle

CAPTIONS = ["is red", " ", "Has TWO wheels, and no handlebar."]
FULL = ["a red ball", "a cat", "a bicycle with two wheels"]


def normalised(array: np.ndarray) -> np.ndarray:
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, small_searle.DIM)).astype(np.float32) * 9


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, small_searle.TOKEN_DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> phi.Phi:
    return phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 0).eval()


def compose(name: str, full: list[str | None] | None = None, **given: object) -> np.ndarray:
    """A method on three queries, given what it names: it must name no more than that."""
    queries = Queries(["q0", "q1", "q2"], [[caption] for caption in CAPTIONS], full or [None] * 3)
    known = {"queries": queries, **given}
    composed: np.ndarray = METHODS.load(name).compose(**{key: known[key] for key in METHODS.parameters(name)})
    assert composed.dtype == np.float32
    assert np.allclose(np.linalg.norm(composed, axis=1), 1, atol=1e-5)
    return composed


def texts(backbone: Backbone, words: list[str], tokens: np.ndarray | None = None) -> np.ndarray:
    with torch.no_grad():
        found = text.encode(backbone, words, tokens=None if tokens is None else torch.from_numpy(tokens))
    return normalised(found.numpy())


def test_image_only_is_the_references_feature_and_reads_nothing_else(features: np.ndarray) -> None:
    assert np.allclose(compose("image-only", reference_features=features), normalised(features), atol=1e-6)


def test_text_only_is_the_captions_feature_without_a_prompt(backbone: Backbone) -> None:
    assert np.allclose(compose("text-only", backbone=backbone), texts(backbone, CAPTIONS), atol=1e-5)


def test_image_text_is_the_sum_of_the_normalised_features(backbone: Backbone, features: np.ndarray) -> None:
    expected = normalised(normalised(features) + texts(backbone, CAPTIONS))
    assert np.allclose(compose("image-text", backbone=backbone, reference_features=features), expected, atol=1e-5)


def test_searle_oti_puts_the_references_token_into_the_prompt(backbone: Backbone, tokens: np.ndarray) -> None:
    expected = texts(backbone, [f"a photo of $ that {caption}" for caption in CAPTIONS], tokens)
    assert np.allclose(compose("searle-oti", backbone=backbone, tokens=tokens), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["searle", "lincir"])
def test_phi_maps_the_unnormalised_feature_to_the_token(
    name: str, backbone: Backbone, features: np.ndarray, network: phi.Phi
) -> None:
    prompts = [f"a photo of $ that {caption}" for caption in CAPTIONS]
    found = compose(name, backbone=backbone, reference_features=features, phi=network)
    with torch.no_grad():
        expected = texts(backbone, prompts, network(torch.from_numpy(features)).numpy())
        other = texts(backbone, prompts, network(torch.from_numpy(normalised(features))).numpy())
    assert np.allclose(found, expected, atol=1e-5)
    assert not np.allclose(found, other, atol=1e-3)


def test_phi_and_tokens_of_another_backbone_are_errors(
    backbone: Backbone, features: np.ndarray, network: phi.Phi, tokens: np.ndarray
) -> None:
    with pytest.raises(CirqueError, match="image features have 7 dimensions and φ reads 8"):
        compose("searle", backbone=backbone, reference_features=features[:, :7], phi=network)
    with pytest.raises(CirqueError, match="pseudo tokens have 15 dimensions and the backbone small needs 16"):
        compose("searle-oti", backbone=backbone, tokens=tokens[:, :15])


def test_the_upper_bound_reads_the_targets_full_caption(backbone: Backbone) -> None:
    assert np.allclose(compose("upper-bound", FULL, backbone=backbone), texts(backbone, FULL), atol=1e-5)


def test_the_upper_bound_needs_full_captions(backbone: Backbone) -> None:
    with pytest.raises(CirqueError, match=r"1 queries have no full caption \(first: q1\)"):
        compose("upper-bound", ["a", None, "c"], backbone=backbone)


def test_every_module_is_a_method_and_an_unknown_one_is_an_error_that_lists_them() -> None:
    known = ["captioning", "image-only", "image-text", "lincir", "searle", "searle-oti", "text-only", "upper-bound"]
    assert set(known) <= set(METHODS.names())
    assert all(callable(METHODS.load(name).compose) for name in METHODS.names())
    with pytest.raises(
        CirqueError, match=r"no method is called 'serale'; there are .*image-only, image-text, lincir, "
    ):
        METHODS.load("serale")
