"""BLIP: the features that transformers' own model has, from files in the form of its releases."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.nn.functional import normalize
from transformers import BlipConfig, BlipForImageTextRetrieval, BlipTextConfig, BlipVisionConfig

from cirque.encoders import backbones, blip, text
from cirque.encoders.text_queries import Queries, encode
from cirque.errors import CirqueError
from tests.conftest import REPOSITORY

VOCABULARY = blip.common_words(300)
CPU = torch.device("cpu")
SIZE = 32


def release(**changed: Any) -> BlipForImageTextRetrieval:
    """transformers' model, small, with random weights that are far from zero."""
    torch.manual_seed(0)
    tower = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    vision = BlipVisionConfig(**{**tower, "image_size": SIZE, "initializer_range": 0.2, **changed})
    words = BlipTextConfig(**tower, vocab_size=len(VOCABULARY) + 2, initializer_range=0.2, encoder_hidden_size=32)
    config = BlipConfig(text_config=words.to_dict(), vision_config=vision.to_dict(), image_text_hidden_size=16)
    return BlipForImageTextRetrieval(config).eval()


@pytest.fixture(scope="module")
def theirs() -> BlipForImageTextRetrieval:
    return release()


@pytest.fixture(scope="module")
def folder(theirs: BlipForImageTextRetrieval, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as the hub has it."""
    path = tmp_path_factory.mktemp("release")
    theirs.save_pretrained(path)
    (path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def ours(folder: Path) -> backbones.Backbone:
    weights = folder / "taken" / "weights.safetensors"
    blip.take_over("blip", "main", folder / "model.safetensors", weights)
    return backbones.load(weights, CPU)


def test_scores_are_those_of_transformers(theirs: BlipForImageTextRetrieval, ours: backbones.Backbone):
    images = torch.randn(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    texts = ["is red and has the same shape", "no one", "is more like a ball, in the light of the sun"]
    with torch.no_grad():
        seen, said = normalize(ours.encode_image(images), dim=-1), normalize(text.encode(ours, texts), dim=-1)
        for row, one in enumerate(texts):
            ids = torch.tensor([text.tokenize(ours, [one])[0]])
            expected = theirs(ids, images, use_itm_head=False, attention_mask=torch.ones_like(ids)).itm_score
            torch.testing.assert_close(seen @ said[row : row + 1].T, expected, rtol=1e-5, atol=1e-6)
    assert (seen @ said.T).std() > 0.05


def test_ids_are_those_of_berts_tokenizer(ours: backbones.Backbone):
    reader = blip.Reader(VOCABULARY, 512)
    for one in ("Is RED & has the same shape!", "no-one's", "naïve", "zzyx  7"):
        whole = reader._pieces.encode(one).ids  # with first and last token
        assert text.tokenize(ours, [one]) == [whole]


def test_one_text_is_read_as_a_list_of_it(ours: backbones.Backbone):
    assert torch.equal(ours.tokenizer("is red"), ours.tokenizer(["is red"]))


def test_a_text_has_the_same_feature_beside_longer_ones(ours: backbones.Backbone):
    with torch.no_grad():
        alone = text.encode(ours, ["no one"])
        beside = text.encode(ours, ["no one", "is red and has the same shape as the other one"])[:1]
    torch.testing.assert_close(alone, beside, rtol=1e-5, atol=1e-6)


def test_queries_are_encoded_as_with_clip(ours: backbones.Backbone):
    queries = Queries(["1", "2"], [["is red"], ["no one", "is more like"]], [None, None])
    made = encode(queries, ours, "{caption}")
    with torch.no_grad():
        first = normalize(text.encode(ours, ["is red"]), dim=-1).numpy()
    np.testing.assert_allclose(made[:1], first, rtol=1e-5, atol=1e-6)
    assert made.shape == (2, 16)


def test_a_pseudo_token_is_refused(ours: backbones.Backbone):
    with pytest.raises(CirqueError, match=r"its text tower takes no pseudo token; take a CLIP"):
        text.encode(ours, ["a photo of $"], torch.zeros(1, 32))


def test_a_text_over_its_context_is_refused(ours: backbones.Backbone):
    with pytest.raises(CirqueError, match="text over the context: 602 tokens, 512 fit"):
        text.encode(ours, ["one " * 600])


def test_a_checkpoint_of_torch_is_read_as_well(theirs: BlipForImageTextRetrieval, folder: Path, tmp_path: Path):
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    weights = tmp_path / "taken" / "weights.safetensors"
    blip.take_over("blip", "main", tmp_path / "pytorch_model.bin", weights)
    assert torch.equal(backbones.load(weights, CPU).model.text_proj.weight, theirs.text_proj.weight)


@pytest.mark.parametrize("there", blip.WEIGHT_FILES)
def test_a_release_is_fetched_with_the_first_of_its_weight_files(
    theirs: BlipForImageTextRetrieval, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
):
    asked: list[list[str]] = []
    if there == blip.WEIGHT_FILES[1]:
        torch.save(theirs.state_dict(), tmp_path / there)
    else:
        (tmp_path / there).write_bytes((folder / there).read_bytes())
    for name in ("config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())

    def download(name: str, *, revision: str, allow_patterns: list[str], **_: Any) -> str:
        assert (name, revision) == ("some/blip", "main")
        asked.append(allow_patterns)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    weights = tmp_path / "taken" / "weights.safetensors"
    blip.fetch("some/blip", "main", weights)
    assert torch.equal(backbones.load(weights, CPU).model.text_proj.weight, theirs.text_proj.weight)
    assert asked[-1] == ["config.json", "vocab.txt", there]
    (tmp_path / there).unlink()
    with pytest.raises(CirqueError, match=r"the release holds none of model\.safetensors, pytorch_model\.bin"):
        blip.fetch("some/blip", "main", weights)


def test_a_release_without_its_vocabulary_is_refused(folder: Path, tmp_path: Path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(CirqueError, match=r"vocab\.txt: no such file; put the release's own beside its weights"):
        blip.take_over("blip", "main", tmp_path / "model.safetensors", tmp_path / "weights.safetensors")


def test_weights_of_another_size_are_refused(folder: Path, tmp_path: Path):
    (tmp_path / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    other = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    other["vision_config"]["patch_size"] = 8
    (tmp_path / "config.json").write_text(json.dumps(other), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(CirqueError, match=r"does not fit the model that config\.json beside it describes"):
        blip.take_over("blip", "main", tmp_path / "model.safetensors", tmp_path / "weights.safetensors")


def test_another_kind_of_model_is_refused(folder: Path, tmp_path: Path):
    for name in ("vocab.txt", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    with pytest.raises(CirqueError, match="describes no BLIP"):
        blip.take_over("blip", "main", tmp_path / "model.safetensors", tmp_path / "weights.safetensors")


def test_the_large_model_has_the_parameters_of_transformers():
    large = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    words = {"num_attention_heads": 12, "encoder_hidden_size": 1024}
    with torch.device("meta"):
        theirs = BlipForImageTextRetrieval(BlipConfig(text_config=words, vision_config=large))
        config = {"vision": large, "text": {**words, "vocab_size": 30524}, "dim": 256, "vocabulary": VOCABULARY}
        ours = blip.build("large", config)
    shapes = {name: tuple(one.shape) for name, one in theirs.state_dict().items() if not blip._is_left_out(name)}
    own = {name: tuple(one.shape) for name, one in ours.state_dict().items() if name != "logit_scale"}
    assert own == shapes


def test_the_page_of_the_table_names_the_release_that_is_configured():
    paper = yaml.safe_load((REPOSITORY / "config/paper.yaml").read_text(encoding="utf-8"))
    page = (REPOSITORY / "docs/tables/pic2word_blip.md").read_text(encoding="utf-8")
    (model,) = (entry["model"] for entry in paper["backbones"].values() if entry.get("encoder") == "blip")
    assert f"`{model}`" in page


def test_the_mini_model_reads_64_pixels_and_a_vocabulary_of_common_words():
    config = blip.read_config("mini-blip-L-16", REPOSITORY / "config" / "backbones")
    assert blip.sizes(config).image_size == 64
    assert {"red", "circle", "[CLS]"} <= set(config["vocabulary"])
    assert len(set(config["vocabulary"])) == len(config["vocabulary"])
