import pytest
import torch

from cirque.encoders import Sizes, clip
from cirque.errors import CirqueError
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("name", ["ViT-B-32-quickgelu", "ViT-L-14-quickgelu", "ViT-H-14", "ViT-bigG-14"])
def test_the_papers_models_can_be_built(name):
    with torch.device("meta"):
        model = clip.build(name, clip.read_config(name))
    assert model.token_embedding.weight.shape[0] == 49408


@pytest.mark.parametrize("name", ["roberta-ViT-B-32", "coca_ViT-B-32", "ViT-B-16-SigLIP"])
def test_a_foreign_text_tower_is_refused(name):
    with pytest.raises(CirqueError, match="pseudo tokens need a plain CLIP model"):
        clip.build(name, clip.read_config(name))


@pytest.mark.parametrize(("name", "patch"), [("mini-ViT-B-16", 16), ("mini-ViT-L-16", 16)])
def test_the_mini_models_read_64_pixels_and_77_tokens(name, patch):
    config = clip.read_config(name, REPOSITORY / "config" / "backbones")
    with torch.device("meta"):
        model = clip.build(name, config)
    assert config["vision_cfg"]["image_size"] == 64
    assert config["vision_cfg"]["patch_size"] == patch
    assert model.context_length == 77


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ViT-B-32-quickgelu", Sizes(512, 224, 512, 77)),
        ("ViT-L-14-336", Sizes(768, 336, 768, 77)),
        ("ViT-bigG-14", Sizes(1280, 224, 1280, 77)),
        ("RN50", Sizes(1024, 224, 512, 77)),
    ],
)
def test_the_sizes_of_a_configuration_are_those_of_its_model(name, sizes):
    assert clip.sizes(clip.read_config(name)) == sizes
