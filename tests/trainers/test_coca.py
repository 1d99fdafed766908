import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from torch.nn.functional import cross_entropy

from cirque.encoders import captioners, coca
from cirque.errors import CirqueError
from cirque.mini.captions import caption
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene
from cirque.trainers import clip as clip_training
from cirque.trainers import coca as coca_training
from tests import small_captioner

SETTINGS = coca_training.Settings(
    epochs=3, batch=32, learning_rate=3e-3, weight_decay=0.1, warmup=2, longest_caption=18
)  # fmt: skip
TOKENIZER = open_clip.SimpleTokenizer(context_length=24)
TEXTS = ["a photo of one red star", "three blue hearts on a striped background", "fish"]


@pytest.fixture(scope="module")
def data():
    scenes = [draw_scene(draws(0, n)) for n in range(96)]
    images = [np.asarray(render(scene, 32, draws(0, n, "picture"))) for n, scene in enumerate(scenes)]
    captions = [[caption(scene, draws(0, n, j)) for j in range(5)] for n, scene in enumerate(scenes)]
    return clip_training.Captioned.in_memory(np.stack(images), captions)


def trained(data, settings=SETTINGS, seed=0):
    model = small_captioner.build()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder, "state.safetensors")
        run = clip_training.Run(seed, torch.device("cpu"), coca.MEAN, coca.STD, state)
        history = coca_training.train(model, TOKENIZER, data, settings, run)
    return model, history


@pytest.fixture(scope="module")
def result(data):
    return trained(data)


def numbered(model):
    """Three texts as rows of the model's vocabulary."""
    texts = clip_training.Texts([[text] for text in TEXTS], TOKENIZER)
    return texts.batch(torch.arange(3)), coca_training.Vocabulary.of(model, texts.rows)


def test_training_lowers_the_loss(result):
    _, history = result
    assert history[-1] < history[0] - 1


def test_training_again_gives_the_same_weights_and_another_seed_does_not(data, result):
    one, _ = result
    (again, _), (other, _) = trained(data), trained(data, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.visual.proj, other.visual.proj)


def test_cut_texts_have_the_features_and_tokens_of_open_clip():
    model = small_captioner.build()
    ids, vocabulary = numbered(model)
    with torch.no_grad():
        features, tokens = coca_training.encode_texts(model.text, vocabulary, ids)
        their_features, their_tokens = model._encode_text(TOKENIZER(TEXTS), normalize=False)
    assert ids.shape[1] < 24
    assert torch.allclose(features, their_features, atol=1e-5)
    assert torch.allclose(tokens[:, : ids.shape[1]], their_tokens[:, : ids.shape[1]], atol=1e-5)


def test_the_loss_is_that_of_open_clip_over_the_whole_vocabulary():
    model = small_captioner.build()
    ids, vocabulary = numbered(model)
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vocabulary.columns[:, -1] = 0.3
        vocabulary.write_back(model)
        theirs = model(images, TOKENIZER(TEXTS))
        expected = cross_entropy(theirs["logits"].permute(0, 2, 1), theirs["labels"], ignore_index=0)
        _, image_tokens = model.visual(images)
        _, text_tokens = coca_training.encode_texts(model.text, vocabulary, ids)
        ours = coca_training.caption_loss(model.text_decoder, vocabulary, image_tokens, text_tokens, ids)
    assert ours.item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_word_that_never_occurred_is_never_said(data, result):
    model, _ = result
    writer = captioners.Captioner(model, TOKENIZER, "small", 32, coca.MEAN, coca.STD, 24)
    said = " ".join(captioners.generate(writer, data.pixels(np.arange(32)), captioners.Generation(2, 5, 18)))
    occurring = {word for texts in data.captions for text in texts for word in text.replace(",", " ").split()}
    assert said
    assert set(said.replace(",", " ").split()) <= occurring


def test_captions_over_the_length_are_left_out_and_an_image_without_any_is_refused(data):
    assert coca_training._short([["one two three four five", "one two"]], TOKENIZER, 4) == [["one two"]]
    with pytest.raises(
        CirqueError, match=r"96 of 96 images have no caption of at most 3 tokens; raise longest_caption"
    ):
        trained(data, dataclasses.replace(SETTINGS, longest_caption=3))


def test_a_loss_that_is_no_number_stops_the_training(data):
    settings = dataclasses.replace(SETTINGS, learning_rate=float("inf"), warmup=0)
    with pytest.raises(CirqueError, match=r"CoCa: the losses are .*nan.* at step 1; .* Lower learning_rate"):
        trained(data, settings)
