import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.inversion import palavra as palavra_tokens
from cirque.networks import palavra
from tests import plain_text, small_palavra, small_searle
from tests.small_palavra import TOKENS
from tests.trainers.test_palavra import plain_cycle, unit

IMAGES = palavra_tokens.Images(
    small_searle.IMAGES,
    3 * np.random.default_rng(7).normal(size=(11, small_searle.DIM)).astype(np.float32),
    [small_searle.CONCEPTS[number % 4] for number in range(11)],
)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def network(backbone: Backbone) -> palavra.PalavraPhi:
    return small_palavra.network(backbone).eval().requires_grad_(False)


def chosen(rows: list[int]) -> palavra_tokens.Images:
    return palavra_tokens.Images(
        [IMAGES.image_ids[row] for row in rows], IMAGES.features[rows], [IMAGES.coarse[row] for row in rows]
    )


def plain_coarse(backbone: Backbone, network: palavra.PalavraPhi, concept: str, normalised: bool) -> Tensor:
    (feature,) = plain_text.encode(backbone, [concept])
    feature = unit(feature) if normalised else feature
    return feature + network.alignment.weight @ feature + network.alignment.bias


def plain_tokens(
    backbone: Backbone, network: palavra.PalavraPhi, images: palavra_tokens.Images, settings: palavra_tokens.Settings
) -> np.ndarray:
    """Image by image, with the loss and Adam written from the formulas (spec searle §8.1)."""
    found = []
    for feature, concept in zip(torch.from_numpy(images.features), images.coarse, strict=True):
        coarse = plain_coarse(backbone, network, concept, settings.coarse == "released")
        v = network.set_encoder(unit(feature)[None, None])[0]
        m, u = torch.zeros_like(v), torch.zeros_like(v)
        for step in range(1, settings.steps + 1):
            v.requires_grad_(True)
            (read,) = plain_text.encode(backbone, ["$ "], v[None])
            loss = plain_cycle(torch.stack([unit(feature), coarse]), torch.stack([read, coarse]), settings.temperature)
            (g,) = torch.autograd.grad(loss, v)
            m, u = 0.9 * m + 0.1 * g, 0.999 * u + 0.001 * g * g
            v = v.detach() - settings.learning_rate * (m / (1 - 0.9**step)) / ((u / (1 - 0.999**step)).sqrt() + 1e-8)
        found.append(v.numpy())
    return np.stack(found)


@pytest.mark.parametrize("coarse", ["released", "trained"])
def test_tokens_are_those_of_plain_code(coarse: str, backbone: Backbone, network: palavra.PalavraPhi) -> None:
    settings = dataclasses.replace(TOKENS, coarse=coarse)  # type: ignore[arg-type]
    found = palavra_tokens.optimise(backbone, network, IMAGES, settings)
    assert found.dtype == np.float32
    assert np.allclose(found, plain_tokens(backbone, network, IMAGES, settings), atol=2e-4)


def test_the_loss_of_an_image_is_ntxent_of_two_pairs() -> None:
    images, texts, coarse = torch.randn((3, 5, 8), generator=torch.Generator().manual_seed(0))
    found = palavra_tokens.pair_losses(images, texts, coarse, 0.25)
    plain = [
        plain_cycle(torch.stack([image, own]), torch.stack([words, own]), 0.25)
        for image, words, own in zip(images, texts, coarse, strict=True)
    ]
    assert torch.allclose(found, torch.stack(plain), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 11, 100])
def test_how_many_images_go_together_changes_no_token(
    batch: int, backbone: Backbone, network: palavra.PalavraPhi
) -> None:
    whole = palavra_tokens.optimise(backbone, network, IMAGES, TOKENS)
    found = palavra_tokens.optimise(backbone, network, IMAGES, dataclasses.replace(TOKENS, batch=batch))
    assert np.allclose(found, whole, atol=1e-4)


def test_nor_does_it_where_gradients_are_as_small_as_adams_epsilon(
    backbone: Backbone, network: palavra.PalavraPhi
) -> None:
    flat = dataclasses.replace(TOKENS, temperature=1e7)
    start = palavra_tokens.optimise(backbone, network, IMAGES, dataclasses.replace(flat, steps=0))
    whole, alone = (
        palavra_tokens.optimise(backbone, network, IMAGES, dataclasses.replace(flat, batch=batch)) - start
        for batch in (11, 1)
    )
    assert np.abs(alone).max() > 1e-3
    assert np.allclose(whole, alone, atol=1e-5)


def test_an_image_alone_has_the_token_that_it_has_among_others(backbone: Backbone, network: palavra.PalavraPhi) -> None:
    whole = palavra_tokens.optimise(backbone, network, IMAGES, TOKENS)
    found = palavra_tokens.optimise(backbone, network, chosen([8, 2]), TOKENS)
    assert np.allclose(found, whole[[8, 2]], atol=1e-4)
    assert not np.allclose(whole[8], whole[2], atol=1e-2)


def test_without_steps_the_token_is_the_networks(backbone: Backbone, network: palavra.PalavraPhi) -> None:
    found = palavra_tokens.optimise(backbone, network, IMAGES, dataclasses.replace(TOKENS, steps=0))
    assert np.allclose(found, network(torch.from_numpy(IMAGES.features)).numpy(), atol=1e-6)


def test_steps_lead_towards_the_image(backbone: Backbone, network: palavra.PalavraPhi) -> None:
    def cosines(steps: int) -> np.ndarray:
        settings = dataclasses.replace(TOKENS, steps=steps, learning_rate=0.05)
        tokens = torch.from_numpy(palavra_tokens.optimise(backbone, network, IMAGES, settings))
        read = plain_text.encode(backbone, ["$"] * 11, tokens)
        return torch.cosine_similarity(read, torch.from_numpy(IMAGES.features)).numpy()

    assert (cosines(40) > cosines(0)).all()


def test_each_image_is_kept_from_its_own_concept(backbone: Backbone, network: palavra.PalavraPhi) -> None:
    other = dataclasses.replace(IMAGES, coarse=["Photo", *IMAGES.coarse[1:]])
    settings = dataclasses.replace(TOKENS, steps=20)
    one, two = (palavra_tokens.optimise(backbone, network, images, settings) for images in (IMAGES, other))
    assert not np.allclose(one[0], two[0], atol=1e-3)
    assert np.allclose(one[1:], two[1:], atol=1e-4)


def test_networks_of_another_backbone_are_an_error(backbone: Backbone) -> None:
    other = palavra.initial(5, small_searle.TOKEN_DIM, 0.0, 3, 0)
    with pytest.raises(CirqueError, match="read 5 dimensions and give 16, and the backbone small has 8 and 16"):
        palavra_tokens.optimise(backbone, other, IMAGES, TOKENS)


def test_a_broken_feature_is_an_error_that_names_the_image(backbone: Backbone, network: palavra.PalavraPhi) -> None:
    features = IMAGES.features.copy()
    features[3] = np.nan
    with pytest.raises(CirqueError, match=r"tokens of 1 of 11 images are not finite \(ILSVRC2012_test_00000004"):
        palavra_tokens.optimise(backbone, network, dataclasses.replace(IMAGES, features=features), TOKENS)
