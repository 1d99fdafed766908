import json
import shutil

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

from cirque.encoders import backbones
from cirque.errors import CirqueError
from tests.conftest import REPOSITORY
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


def test_weights_of_another_activation_are_refused_and_the_right_model_is_named(weights):
    edit_side_car(weights, model="ViT-B-32", quick_gelu=True)
    with pytest.raises(CirqueError, match=r"weights\.json.*QuickGELU.*use ViT-B-32-quickgelu"):
        backbones.load(weights, CPU)


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
    with pytest.raises(CirqueError, match=r"weights\.json: lacks config, source"):
        backbones.load(weights, CPU)


def test_loading_leaves_the_random_state_alone(weights):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    backbones.load(weights, CPU)
    assert torch.rand(1) == expected


# ---- names ----------------------------------------------------------------------------------------------------------


def test_an_unknown_model_is_refused_with_names_that_are_near():
    with pytest.raises(CirqueError, match=r"'ViT-B32'.*ViT-B-32"):
        backbones.read_config("ViT-B32")


def test_the_project_s_own_models_come_before_those_of_open_clip(tmp_path):
    (tmp_path / "ViT-B-32.json").write_text(json.dumps(CONFIG))
    assert backbones.read_config("ViT-B-32", tmp_path) == CONFIG
    assert backbones.read_config("ViT-B-32")["embed_dim"] == 512


def test_a_file_that_is_no_configuration_is_refused(tmp_path):
    (tmp_path / "mini.json").write_text("{}")
    with pytest.raises(CirqueError, match=r"mini\.json: no open_clip configuration"):
        backbones.read_config("mini", tmp_path)


@pytest.mark.parametrize("name", ["ViT-B-32-quickgelu", "ViT-L-14-quickgelu", "ViT-H-14", "ViT-bigG-14"])
def test_the_papers_models_can_be_built(name):
    with torch.device("meta"):
        model = backbones.create(name, backbones.read_config(name))
    assert model.token_embedding.weight.shape[0] == 49408


@pytest.mark.parametrize("name", ["roberta-ViT-B-32", "coca_ViT-B-32", "ViT-B-16-SigLIP"])
def test_a_foreign_text_tower_is_refused(name):
    with pytest.raises(CirqueError, match="pseudo tokens need a plain CLIP model"):
        backbones.create(name, backbones.read_config(name))


@pytest.mark.parametrize(("name", "patch"), [("mini-ViT-B-16", 16), ("mini-ViT-L-8", 8)])
def test_the_mini_models_read_64_pixels_and_77_tokens(name, patch):
    config = backbones.read_config(name, REPOSITORY / "config" / "backbones")
    with torch.device("meta"):
        model = backbones.create(name, config)
    assert config["vision_cfg"]["image_size"] == 64
    assert config["vision_cfg"]["patch_size"] == patch
    assert model.context_length == 77


# ---- save and fetch -------------------------------------------------------------------------------------------------


def test_saving_the_same_model_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        save_weights(tmp_path / name / "weights.safetensors")
    for file in ("weights.safetensors", "weights.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


@pytest.fixture
def release(monkeypatch, weights):
    """A stand-in for open_clip's registry and its download, with one release."""
    pretrained = {"url": "https://example.org/tiny.safetensors", "mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}
    monkeypatch.setattr(open_clip, "get_model_config", lambda name: json.loads(json.dumps(CONFIG)))
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda name, tag: pretrained if tag == "released" else {})
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda name: ["released"])
    monkeypatch.setattr(open_clip, "download_pretrained", lambda release, cache_dir=None: str(weights))
    return pretrained


def test_fetched_weights_load_like_any_others(release, weights, tmp_path):
    fetched = tmp_path / "fetched" / "weights.safetensors"
    backbones.fetch("tiny", "released", fetched)
    backbone = backbones.load(fetched, CPU)
    assert backbone.mean == (0.5, 0.5, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(load_file(weights).values(), load_file(fetched).values(), strict=True))
    record = json.loads(backbones.side_car(fetched).read_text())
    assert (record["tag"], record["source"]) == ("released", "https://example.org/tiny.safetensors")


def test_an_unknown_tag_is_refused_with_those_there_are(release, tmp_path):
    with pytest.raises(CirqueError, match="'other'; there are released"):
        backbones.fetch("tiny", "other", tmp_path / "weights.safetensors")


def test_a_release_of_another_activation_is_refused_before_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(open_clip, "download_pretrained", lambda *a, **k: pytest.fail("asked for the file"))
    with pytest.raises(CirqueError, match="use ViT-B-32-quickgelu"):
        backbones.fetch("ViT-B-32", "openai", tmp_path / "weights.safetensors")


def test_a_failed_download_leaves_nothing_and_names_the_source(release, tmp_path, monkeypatch):
    def refuse(release, cache_dir=None):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(open_clip, "download_pretrained", refuse)
    with pytest.raises(CirqueError, match=r"tiny, released: could not be fetched from https://example.org.*no route"):
        backbones.fetch("tiny", "released", tmp_path / "fetched" / "weights.safetensors")
    assert not (tmp_path / "fetched").exists()


def test_a_cut_download_is_refused(release, weights, tmp_path):
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(CirqueError, match="could not be fetched"):
        backbones.fetch("tiny", "released", tmp_path / "fetched" / "weights.safetensors")
    shutil.rmtree(tmp_path / "fetched", ignore_errors=True)
