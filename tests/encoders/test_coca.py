from pathlib import Path

import pytest
import torch

from cirque.encoders import Sizes, backbones, coca
from cirque.errors import CirqueError
from tests import small_captioner
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("name", ["ViT-B-32", "coca_roberta-ViT-B-32"])
def test_a_model_that_cannot_caption_is_refused(name: str) -> None:
    with pytest.raises(CirqueError, match=rf"captioner {name}: no CoCa with CLIP's own tokenizer.*coca_ViT-B-32"):
        coca.build(name, coca.read_config(name))


@pytest.mark.parametrize(("name", "size"), [("coca_ViT-B-32", 224), ("mini-coca-ViT-B-16", 64)])
def test_the_configured_captioners_can_be_built(name: str, size: int) -> None:
    config = coca.read_config(name, REPOSITORY / "config" / "backbones")
    with torch.device("meta"):
        model = coca.build(name, config)
    assert (coca.sizes(config).image_size, model.context_length) == (size, 76)


def test_an_untrained_captioner_depends_on_the_seed_alone() -> None:
    one, again, other = (small_captioner.build(seed).text_decoder.text_projection for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_captioner_s_weights_encode_images_and_no_texts(tmp_path: Path) -> None:
    weights = small_captioner.write(tmp_path)
    assert backbones.sizes(weights) == Sizes(small_captioner.CONFIG["embed_dim"], 32)
    encoder = backbones.load_images(weights, torch.device("cpu"))
    assert encoder.encode_image(torch.zeros(2, 3, 32, 32)).shape == (2, encoder.dim)
    with pytest.raises(CirqueError, match="the encoder coca reads images alone"):
        backbones.load(weights, torch.device("cpu"))
