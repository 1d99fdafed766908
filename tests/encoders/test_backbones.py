import json

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from cirque.encoders import Sizes, backbones
from cirque.errors import CirqueError
from cirque.families import ENCODERS
from tests import members, toy_encoder
from tests.tiny import CONFIG, save_weights

CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path)
    return path


def edit_side_car(weights, **changes):
    path = backbones.side_car(weights)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# ---- load -----------------------------------------------------------------------------------------------------------


def test_a_loaded_backbone_computes_what_open_clip_computes_with_the_same_weights(weights):
    backbone = backbones.load(weights, CPU)
    model = open_clip.model.CLIP(**CONFIG)
    model.load_state_dict(load_file(weights))
    model.eval().requires_grad_(False)  # so that both take the same path through attention
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ids = backbone.tokenizer(["a red star", "two hearts on stripes"])
    assert torch.equal(backbone.model.encode_image(images), model.encode_image(images))
    assert torch.equal(backbone.model.encode_text(ids), model.encode_text(ids))


def test_a_loaded_backbone_is_frozen_and_knows_its_sizes(weights):
    backbone = backbones.load(weights, CPU)
    assert (backbone.name, backbone.dim, backbone.token_dim) == ("tiny", 16, 16)
    assert (backbone.image_size, backbone.context_length) == (32, 16)
    assert backbone.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))
    assert not backbone.model.training
    assert not any(weight.requires_grad for weight in backbone.model.parameters())


def test_its_tokenizer_is_that_of_clip(weights):
    ids = backbones.load(weights, CPU).tokenizer("a photo of $")
    assert ids.shape == (1, 16)
    assert ids[0, :6].tolist() == [49406, 320, 1125, 539, 259, 49407]


def test_cut_weights_are_refused_by_name(weights):
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CirqueError, match=r"weights\.safetensors: cut short or altered"):
        backbones.load(weights, CPU)


def test_one_altered_byte_is_noticed(weights):
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(CirqueError, match="altered"):
        backbones.load(weights, CPU)


@pytest.mark.parametrize("change", ["lacks", "has more", "other shape"])
def test_weights_that_do_not_fit_the_model_are_refused(weights, change):
    tensors = load_file(weights)
    if change == "lacks":
        del tensors["visual.proj"]
    elif change == "has more":
        tensors["visual.extra"] = torch.zeros(1)
    else:
        tensors["text_projection"] = torch.zeros(3, 3)
    save_file(tensors, weights)
    edit_side_car(weights, sha256=backbones.provenance.sha256(weights))
    with pytest.raises(CirqueError, match=r"weights\.safetensors: does not fit the model tiny"):
        backbones.load(weights, CPU)


def test_a_missing_file_is_named(weights):
    weights.unlink()
    with pytest.raises(CirqueError, match=r"weights\.safetensors: no such file"):
        backbones.load(weights, CPU)
    backbones.side_car(weights).unlink()
    with pytest.raises(CirqueError, match=r"weights\.json: no such file"):
        backbones.load(weights, CPU)


def test_a_side_car_that_lacks_a_key_is_named(weights):
    backbones.side_car(weights).write_text('{"model": "tiny"}')
    with pytest.raises(CirqueError, match=r"weights\.json: lacks encoder, config, source, seed"):
        backbones.load(weights, CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": []},
        {"encoder": "none"},
        {"model": None},
        {"config": []},
        {"config": {"embed_dim": 16}},
        {"config": {**CONFIG, "embed_dim": "x"}},
        {"config": {**CONFIG, "vision_cfg": 3}},
        {"config": {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "heads": 0}}},
        {"sha256": None},
        {"image_mean": [1, 2]},
        {"image_std": [1, 2, "x"]},
    ],
    ids=str,
)
def test_a_side_car_that_describes_no_model_is_named(weights, change):
    edit_side_car(weights, **change)
    with pytest.raises(CirqueError, match=r"weights\.json: (describes (no|a) model|its config|no encoder)"):
        backbones.load(weights, CPU)


def test_loading_leaves_the_random_state_alone(weights):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    backbones.load(weights, CPU)
    assert torch.rand(1) == expected


# ---- save --------------------------------------------------------------------------------------------------------


def test_saving_the_same_model_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        save_weights(tmp_path / name / "weights.safetensors")
    for file in ("weights.safetensors", "weights.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_a_side_car_says_what_the_weights_are(tmp_path):
    save_weights(tmp_path / "weights.safetensors", seed=7)
    record = backbones.read_side_car(tmp_path / "weights.safetensors")
    assert (record["encoder"], record["model"], record["source"], record["seed"]) == ("clip", "tiny", "random", 7)
    assert backbones.sizes(tmp_path / "weights.safetensors") == Sizes(16, 32, 16, 16)


# ---- an encoder that is not CLIP ------------------------------------------------------------------------------------


@pytest.fixture
def toy(tmp_path, monkeypatch):
    toy_encoder.add(monkeypatch, tmp_path / "members")
    path = tmp_path / "toy" / "weights.safetensors"
    toy_encoder.save_weights(path)
    return path


def test_an_encoder_of_images_alone_is_one_file(toy):
    encoder = backbones.load_images(toy, CPU)
    assert (encoder.name, encoder.dim, encoder.image_size, encoder.mean) == ("toy", 8, 32, (0.5, 0.5, 0.5))
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(encoder.encode_image(images), encoder.model.encode_image(images))
    assert torch.equal(encoder.encode_query_image(images), encoder.model.encode_query_image(images))
    assert not torch.equal(encoder.encode_query_image(images), encoder.encode_image(images))
    assert encoder.image_maps(images).shape == (4, 3, 2, 2)
    assert not any(weight.requires_grad for weight in encoder.model.parameters())


def test_who_reads_texts_refuses_an_encoder_of_images_alone(toy):
    with pytest.raises(
        CirqueError,
        match=r"encoder toy reads images alone, but searle encodes texts.*\(blip, clip\).*such as image-only",
    ):
        backbones.load(toy, CPU, reader="searle")


def test_a_query_s_image_passes_the_gallery_s_tower_where_there_is_no_other(weights):
    encoder = backbones.load_images(weights, CPU)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(encoder.encode_query_image(images), encoder.encode_image(images))
    with pytest.raises(CirqueError, match="backbone tiny: has no feature map"):
        encoder.image_maps(images)


def test_buffers_that_are_no_weights_are_made_by_the_encoder_itself(tmp_path, monkeypatch):
    buffer = 'self.register_buffer("one", torch.ones(1), persistent=False)'
    text = toy_encoder.TEXT.replace("from torch import nn", "import torch\nfrom torch import nn").replace(
        "super().__init__()", f"super().__init__()\n        {buffer}"
    )
    members.add(monkeypatch, tmp_path / "members", ENCODERS, "toy", text)
    toy_encoder.save_weights(tmp_path / "weights.safetensors")
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert backbones.load_images(tmp_path / "weights.safetensors", CPU).model.one.tolist() == [1]
    assert torch.rand(1) == expected


def test_an_encoder_that_nobody_wrote_is_refused_with_those_there_are(weights):
    edit_side_car(weights, encoder="albef")
    with pytest.raises(CirqueError, match="no encoder is called 'albef'; there are blip, clip, coca"):
        backbones.load(weights, CPU)
