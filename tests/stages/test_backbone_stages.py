import hashlib
import json
import os
import subprocess
import sys
import tarfile

import pytest
import torch

from cirque.encoders import backbones, clip
from cirque.errors import CirqueError
from cirque.mini.generators import captioned
from cirque.stages import fetch_backbone, random_backbone, train_backbone
from cirque.trainers.clip import Settings
from tests.tiny import CONFIG

SETTINGS = Settings(epochs=1, batch=8, learning_rate=1e-3, weight_decay=0.1, warmup=1)


NOTHING_ELSE = {"n_styled": 0, "n_composed": 0, "n_sentences": 1}


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    captioned.generate(seed=0, image_size=32, n_captioned=20, **NOTHING_ELSE, data_root=root)
    return root / "captions" / "images.tar"


@pytest.fixture
def configs(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    config = {**CONFIG, "text_cfg": {**CONFIG["text_cfg"], "context_length": 77}}
    (folder / "tiny-mini.json").write_text(json.dumps(config))
    return folder


def train(captions, configs, weights, settings=SETTINGS):
    train_backbone.main(
        captions=captions,
        model="tiny-mini",
        model_configs=configs,
        settings=settings,
        seed=0,
        work=weights.parent.parent / "work",
        weights=weights,
    )


def test_a_trained_backbone_is_written_and_loads(captions, configs, tmp_path):
    weights = tmp_path / "out" / "weights.safetensors"
    train(captions, configs, weights)
    backbone = backbones.load(weights, torch.device("cpu"))
    assert (backbone.name, backbone.image_size) == ("tiny-mini", 32)
    assert json.loads(backbones.side_car(weights).read_text())["source"] == "trained"


def test_nothing_is_written_when_the_loss_is_no_number(captions, configs, tmp_path):
    settings = Settings(epochs=3, batch=8, learning_rate=1e30, weight_decay=0.1, warmup=0)
    with pytest.raises(CirqueError, match=r"the losses are .*nan"):
        train(captions, configs, tmp_path / "out" / "weights.safetensors", settings)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["at the start", "within a member", "between two members"])
def test_a_cut_tar_is_refused(captions, configs, tmp_path, where):
    with tarfile.open(captions) as tar:
        ninth = tar.getmembers()[16].offset
    size = {"at the start": 0, "within a member": ninth + 600, "between two members": ninth}[where]
    cut = tmp_path / "cut.tar"
    cut.write_bytes(captions.read_bytes()[:size])
    with pytest.raises(CirqueError, match=r"cut\.tar"):
        train(cut, configs, tmp_path / "out" / "weights.safetensors")


def test_images_of_another_size_than_the_model_s_are_refused(configs, tmp_path):
    captioned.generate(seed=0, image_size=24, n_captioned=10, **NOTHING_ELSE, data_root=tmp_path)
    with pytest.raises(CirqueError, match="000000 is 24 × 24 pixels, the model takes 32 × 32"):
        train(tmp_path / "captions" / "images.tar", configs, tmp_path / "out" / "weights.safetensors")


def test_random_weights_depend_on_the_seed_only(configs, tmp_path):
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        weights = tmp_path / name / "weights.safetensors"
        random_backbone.main(model="tiny-mini", seed=seed, weights=weights, model_configs=configs)
    one, again, other = ((tmp_path / n / "weights.safetensors").read_bytes() for n in ("one", "again", "other"))
    assert one == again != other


def test_fetching_opens_the_network_for_itself_alone(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(clip, "fetch", lambda *given: asked.append((given, os.environ["HF_HUB_OFFLINE"])))
    fetch_backbone.main(model="ViT-B-32-quickgelu", tag="openai", weights=tmp_path / "w.safetensors")
    assert asked == [(("ViT-B-32-quickgelu", "openai", tmp_path / "w.safetensors", None), "0")]


def test_a_file_at_hand_is_the_one_that_is_meant(monkeypatch, tmp_path):
    taken = []
    monkeypatch.setattr(clip, "take_over", lambda *given: taken.append(given))
    at_hand, weights = tmp_path / "ViT-B-32.pt", tmp_path / "w.safetensors"
    given = {"model": "ViT-B-32-quickgelu", "tag": "openai", "weights": weights, "file": at_hand}
    with pytest.raises(CirqueError, match=r"ViT-B-32\.pt: no such file"):
        fetch_backbone.main(**given, sha256="0" * 64)
    at_hand.write_bytes(b"weights")
    with pytest.raises(CirqueError, match=r"has the sha256 [0-9a-f]{64} instead of 0000"):
        fetch_backbone.main(**given, sha256="0" * 64)
    fetch_backbone.main(**given, sha256=hashlib.sha256(b"weights").hexdigest())
    assert taken == [("ViT-B-32-quickgelu", "openai", at_hand, weights)]


def test_an_unknown_model_ends_the_command_with_a_sentence(tmp_path):
    command = [sys.executable, "-m", "cirque", "random_backbone", "--model", "ViT-B-33", "--seed", "0"]
    done = subprocess.run(
        [*command, "--weights", str(tmp_path / "weights.safetensors")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no model is called 'ViT-B-33'; nearly so: ViT-B-32" in done.stderr
    assert "Traceback" not in done.stderr
