"""Towers: counted from open_clip's configuration, without weights and without torch."""

import pytest

from cirque.plan import towers


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("ViT-B-32", 151_277_313), ("ViT-L-14", 427_616_513), ("ViT-H-14", 986_109_441), ("ViT-bigG-14", 2_539_567_105)],
)
def test_parameters_are_those_of_the_released_models(name, parameters):
    assert towers.n_parameters(towers.description(name)) == parameters


def test_parameters_are_those_of_the_model_that_open_clip_makes():
    open_clip = pytest.importorskip("open_clip")
    model = open_clip.CLIP(**open_clip.get_model_config("ViT-B-32"))
    assert towers.n_parameters(towers.description("ViT-B-32")) == sum(one.numel() for one in model.parameters())


@pytest.mark.parametrize(
    ("name", "image", "text"), [("ViT-B-32", 8.8, 5.96), ("ViT-L-14", 162, 13.3), ("ViT-bigG-14", 968, 97.9)]
)
def test_operations_go_with_layers_width_and_tokens(name, image, text):
    model = towers.description(name)
    assert towers.image_flops(model) / 1e9 == pytest.approx(image, rel=0.01)
    assert towers.text_flops(model) / 1e9 == pytest.approx(text, rel=0.01)


@pytest.mark.parametrize("name", ["coca_ViT-B-32", "RN50", "convnext_base", "no-such-model"])
def test_nothing_is_said_of_other_networks(name):
    assert towers.description(name) is None


def test_the_projects_own_models_are_known():
    assert towers.description("mini-ViT-L-16").dim == 128
