"""Trunks are torchvision's own, and take its weights."""

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from cirque import encoders
from cirque.encoders import backbones, resnet
from cirque.errors import CirqueError
from tests.conftest import REPOSITORY

MINI = REPOSITORY / "config/backbones"


@pytest.fixture
def of_torchvision():
    torch.manual_seed(0)
    model = resnet18(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after a training
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model


def test_a_trunk_with_torchvisions_weights_gives_torchvisions_features(tmp_path: Path, of_torchvision) -> None:
    file = tmp_path / "resnet18-f37072fd.pth"
    torch.save(of_torchvision.state_dict(), file)
    resnet.take_over("resnet18", "IMAGENET1K_V1", file, tmp_path / "weights.safetensors")
    encoder = backbones.load_images(tmp_path / "weights.safetensors", torch.device("cpu"))
    assert (encoder.dim, encoder.image_size, encoder.mean) == (512, 224, (0.485, 0.456, 0.406))
    of_torchvision.fc = torch.nn.Identity()
    for height, width in ((64, 64), (120, 180)):
        images = torch.randn(2, 3, height, width)
        with torch.inference_mode():
            assert torch.allclose(encoder.encode_image(images), of_torchvision(images), rtol=1e-5, atol=1e-5)
            assert encoder.image_maps(images).shape == (2, 512, -(-height // 32), -(-width // 32))


def test_the_trunk_has_the_parameters_that_the_paper_counts() -> None:
    model = resnet.build("resnet18", resnet.read_config("resnet18"))
    assert sum(weight.numel() for weight in model.parameters()) == 11_176_512
    assert model.widths == (64, 64, 128, 128, 256, 256, 512, 512)


def test_a_change_takes_the_place_of_each_blocks_map_before_the_skip() -> None:
    model = resnet.build("mini", resnet.read_config("mini-resnet", MINI)).eval()
    images, seen = torch.randn(2, 3, 64, 64), []

    def watched(number, x):
        seen.append((number, tuple(x.shape[1:])))
        return x

    with torch.inference_mode():
        assert torch.equal(model.image_maps(images, watched), model.image_maps(images))
        emptied = model.image_maps(images, lambda number, x: torch.zeros_like(x))
    assert seen == [(0, (24, 16, 16)), (1, (48, 8, 8)), (2, (96, 4, 4))]
    assert emptied.abs().sum() > 0  # the skip connections are left


def test_a_file_of_another_model_is_refused(tmp_path: Path, of_torchvision) -> None:
    state = of_torchvision.state_dict()
    del state["layer4.1.bn2.weight"]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(CirqueError, match="does not fit the model resnet18"):
        resnet.take_over("resnet18", "IMAGENET1K_V1", tmp_path / "cut.pth", tmp_path / "weights.safetensors")
    assert not (tmp_path / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "tag", "message"), [("resnet18", "V9", "there are IMAGENET1K_V1"), ("b", "V1", "none")]
)
def test_weights_that_there_are_not_are_named(tmp_path: Path, name: str, tag: str, message: str) -> None:
    with pytest.raises(CirqueError, match=message):
        resnet.fetch(name, tag, tmp_path / "weights.safetensors")


def test_a_release_is_taken_from_torchs_cache(tmp_path: Path, of_torchvision, monkeypatch: pytest.MonkeyPatch) -> None:
    def cached(url, **how):
        assert url.endswith("resnet18-f37072fd.pth")
        assert how["weights_only"]
        assert how["check_hash"]
        return of_torchvision.state_dict()

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", cached)
    resnet.fetch("resnet18", "IMAGENET1K_V1", tmp_path / "weights.safetensors")
    assert backbones.read_side_car(tmp_path / "weights.safetensors", "resnet")["tag"] == "IMAGENET1K_V1"


def test_without_a_network_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(url, **how):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(CirqueError, match="put the file into torch's cache, or name one at hand"):
        resnet.fetch("resnet18", "IMAGENET1K_V1", tmp_path / "weights.safetensors")


def test_a_trunk_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="no ResNet is called 'resnet999'; there are resnet18"):
        resnet.read_config("resnet999", MINI)
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(CirqueError, match="describes no ResNet"):
        resnet.read_config("odd", tmp_path)
    with pytest.raises(CirqueError, match="no trunk can be built"):
        resnet.build("odd", {"kernel": 3, "stem": -1, "layers": [[8, 1]]})
    assert encoders.load("resnet").sizes(resnet.read_config("mini-resnet", MINI)).dim == 96
