import json
import shutil

import open_clip
import pytest
import torch
from safetensors.torch import load_file

from cirque.encoders import backbones, clip, openclip
from cirque.errors import CirqueError
from tests.tiny import CONFIG, save_weights

CPU = torch.device("cpu")


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path)
    return path


# ---- names ----------------------------------------------------------------------------------------------------------


def test_an_unknown_model_is_refused_with_names_that_are_near():
    with pytest.raises(CirqueError, match=r"'ViT-B32'.*ViT-B-32"):
        openclip.read_config("ViT-B32")


def test_the_project_s_own_models_come_before_those_of_open_clip(tmp_path):
    (tmp_path / "ViT-B-32.json").write_text(json.dumps(CONFIG))
    assert openclip.read_config("ViT-B-32", tmp_path) == CONFIG
    assert openclip.read_config("ViT-B-32")["embed_dim"] == 512


def test_a_file_that_is_no_configuration_is_refused(tmp_path):
    (tmp_path / "mini.json").write_text("{}")
    with pytest.raises(CirqueError, match=r"mini\.json: no open_clip configuration"):
        openclip.read_config("mini", tmp_path)


# ---- released weights ------------------------------------------------------------------------------------------------


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
    clip.fetch("tiny", "released", fetched)
    backbone = backbones.load(fetched, CPU)
    assert backbone.mean == (0.5, 0.5, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(load_file(weights).values(), load_file(fetched).values(), strict=True))
    record = json.loads(backbones.side_car(fetched).read_text())
    assert (record["tag"], record["source"]) == ("released", "https://example.org/tiny.safetensors")


def test_an_unknown_tag_is_refused_with_those_there_are(release, tmp_path):
    with pytest.raises(CirqueError, match="'other'; there are released"):
        clip.fetch("tiny", "other", tmp_path / "weights.safetensors")


def test_a_release_of_another_activation_is_refused_before_the_download(tmp_path, monkeypatch):
    monkeypatch.setattr(open_clip, "download_pretrained", lambda *a, **k: pytest.fail("asked for the file"))
    with pytest.raises(CirqueError, match="use ViT-B-32-quickgelu"):
        clip.fetch("ViT-B-32", "openai", tmp_path / "weights.safetensors")


def test_a_failed_download_leaves_nothing_and_names_the_source(release, tmp_path, monkeypatch):
    def refuse(release, cache_dir=None):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(open_clip, "download_pretrained", refuse)
    with pytest.raises(CirqueError, match=r"tiny, released: could not be fetched from https://example.org.*no route"):
        clip.fetch("tiny", "released", tmp_path / "fetched" / "weights.safetensors")
    assert not (tmp_path / "fetched").exists()


def test_a_cut_download_is_refused(release, weights, tmp_path):
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(CirqueError, match="could not be fetched"):
        clip.fetch("tiny", "released", tmp_path / "fetched" / "weights.safetensors")
    shutil.rmtree(tmp_path / "fetched", ignore_errors=True)
