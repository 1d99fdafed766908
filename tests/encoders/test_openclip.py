import json
import shutil

import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file

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


@pytest.mark.parametrize(("name", "near"), [("ViT-B32", "ViT-B-32"), ("hf-hub:org/ViT-B-32", "ViT-B-32")])
def test_an_unknown_model_is_refused_with_names_that_are_near(name, near):
    with pytest.raises(CirqueError, match=rf"'{name}'.*{near}"):
        openclip.read_config(name)


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


def _as_archive(state, path):
    """A TorchScript archive as OpenAI's: weights in half precision, and the sizes beside them."""

    class Released(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images

    module = Released()
    for name, value in state.items():
        *parents, last = name.split(".")
        inner = module
        for parent in parents:
            if parent not in dict(inner.named_children()):
                inner.add_module(parent, torch.nn.Identity())
            inner = getattr(inner, parent)
        inner.register_parameter(last, torch.nn.Parameter(value, requires_grad=False))
    for name in ("input_resolution", "context_length", "vocab_size"):
        module.register_buffer(name, torch.tensor(1))
    torch.jit.script(module).save(path)


WAYS = {
    "safetensors": save_file,
    "torch": torch.save,
    "training": lambda state, path: torch.save(
        {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}, path
    ),
    "archive": _as_archive,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_release_at_hand_is_known_by_its_content_whatever_its_name(release, weights, tmp_path, way):
    at_hand, taken = tmp_path / "clip.bin", tmp_path / "taken" / "weights.safetensors"
    WAYS[way](load_file(weights), at_hand)
    clip.take_over("tiny", "released", at_hand, taken)
    assert all(torch.equal(a, b) for a, b in zip(load_file(weights).values(), load_file(taken).values(), strict=True))
    record = json.loads(backbones.side_car(taken).read_text())
    assert (record["tag"], record["source"], record["seed"]) == ("released", "clip.bin", 0)
    assert backbones.load(taken, CPU).mean == (0.5, 0.5, 0.5)


class _Harm:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b"<html>"), "holds no weights that can be read"),
        (lambda path: torch.save({"visual.proj": _Harm()}, path), "holds no weights that can be read"),
        (lambda path: torch.save({"visual.proj": torch.zeros(2)}, path), "does not fit the model tiny"),
        (lambda path: None, "no such file"),
    ],
)
def test_a_file_at_hand_that_is_no_release_is_refused_and_runs_nothing(release, tmp_path, write, message):
    write(tmp_path / "clip.pt")
    with pytest.raises(CirqueError, match=rf"clip\.pt: {message}"):
        clip.take_over("tiny", "released", tmp_path / "clip.pt", tmp_path / "taken" / "weights.safetensors")
    assert not (tmp_path / "taken").exists()


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
