import dataclasses

import numpy as np
import open_clip
import pytest
import torch

from cirque.encoders import clip
from cirque.errors import CirqueError
from cirque.mini.captions import caption
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene
from cirque.trainers import clip as clip_training
from tests.tiny import CONFIG

SETTINGS = clip_training.Settings(epochs=4, batch=32, learning_rate=2e-3, weight_decay=0.1, warmup=4)
TEXT = {**CONFIG["text_cfg"], "context_length": 77}
TOKENIZER = open_clip.SimpleTokenizer(context_length=77)


@pytest.fixture(scope="module")
def data():
    scenes = [draw_scene(draws(0, n)) for n in range(160)]
    images = [np.asarray(render(scene, 32, draws(0, n, "picture"))) for n, scene in enumerate(scenes)]
    captions = [[caption(scene, draws(0, n, j)) for j in range(3)] for n, scene in enumerate(scenes)]
    return clip_training.Captioned.in_memory(np.stack(images), captions)


def new_model():
    torch.manual_seed(0)
    return clip.build("tiny", {**CONFIG, "text_cfg": TEXT})


def trained(data, state, settings=SETTINGS, seed=0, model=None, texts_per_image=2, **saving):
    model = model or new_model()
    history = clip_training.train(
        model,
        TOKENIZER,
        data,
        settings,
        clip_training.Run(seed, torch.device("cpu"), clip.MEAN, clip.STD, state / "state.safetensors", **saving),
        texts_per_image=texts_per_image,
    )
    return model, history


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_training_lowers_the_loss(data, tmp_path):
    _, history = trained(data, tmp_path)
    assert len(history) == 4
    assert history[-1] < history[0] - 0.1


def test_training_again_gives_the_same_weights_and_another_seed_does_not(data, tmp_path):
    (one, _), (again, _), (other, _) = (trained(data, tmp_path, seed=seed) for seed in (0, 0, 1))
    assert same(one, again)
    assert not torch.equal(one.visual.proj, other.visual.proj)


def test_a_training_that_was_cut_off_goes_on_and_ends_with_the_same_bits(data, tmp_path):
    steps = iter(range(100))

    def cut_off(numbers):
        if next(steps) == 13:  # in the third epoch of five steps each
            raise KeyboardInterrupt
        return data.pixels(numbers)

    broken = clip_training.Captioned(cut_off, data.captions)
    with pytest.raises(KeyboardInterrupt):
        trained(broken, tmp_path, seconds_between_saves=0)
    asked = []
    watched = clip_training.Captioned(lambda numbers: asked.append(1) or data.pixels(numbers), data.captions)
    resumed, history = trained(watched, tmp_path)
    whole, expected = trained(data, tmp_path / "elsewhere")
    assert len(asked) == 20 - 13  # every step whose images were there was taken
    assert same(resumed, whole)
    assert history == expected


def test_training_goes_on_from_the_weights_that_the_model_has(data, tmp_path):
    model, first = trained(data, tmp_path / "one")
    before = model.visual.proj.clone()
    more = dataclasses.replace(SETTINGS, epochs=1, learning_rate=1e-4, warmup=0)
    _, second = trained(data, tmp_path / "two", more, model=model.requires_grad_(False))
    assert second[0] < first[-1] + 0.05 < first[0]
    assert not torch.equal(before, model.visual.proj)  # though it came frozen


def test_no_weight_is_left_frozen(data, tmp_path):
    before = dict(new_model().state_dict())
    after = trained(data, tmp_path)[0].state_dict()
    still = {name for name, value in after.items() if torch.equal(value, before[name])}
    assert still == set()


def test_the_scale_of_the_logits_stays_at_100(data, tmp_path):
    model = new_model()
    with torch.no_grad():
        model.logit_scale.fill_(6.0)
    trained(data, tmp_path, model=model)
    assert model.logit_scale.exp().item() <= 100.0001


def test_only_words_that_occur_are_trained(data, tmp_path):
    before = new_model().token_embedding.weight
    after = trained(data, tmp_path)[0].token_embedding.weight
    changed = set((before != after).any(1).nonzero().flatten().tolist())
    occurring = {id_ for texts in data.captions for text in texts for id_ in TOKENIZER.encode(text)}
    assert occurring & changed
    assert changed <= occurring | {0, 49406, 49407}


def test_cut_texts_have_the_features_of_open_clip():
    torch.manual_seed(1)
    model = clip.build("tiny", {**CONFIG, "text_cfg": TEXT}).eval()
    captions = ["a photo of one red star", "three blue hearts on a striped background", "fish"]
    texts = clip_training.Texts([[text] for text in captions], TOKENIZER)
    rows = model.token_embedding.weight[texts.rows]
    with torch.no_grad():
        ours = clip_training.encode_texts(model, rows, texts.batch(torch.arange(3)))
        assert torch.allclose(ours, model.encode_text(TOKENIZER(captions)), atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_training(data, tmp_path):
    settings = clip_training.Settings(epochs=2, batch=32, learning_rate=1e30, weight_decay=0.1, warmup=0)
    with pytest.raises(CirqueError, match=r"CLIP: the losses are .*nan.* at step \d+; .* Lower learning_rate"):
        trained(data, tmp_path, settings)


def test_fewer_images_than_a_batch_and_a_warm_up_without_end_are_refused(data, tmp_path):
    few = clip_training.Captioned(data.pixels, data.captions[:8])
    with pytest.raises(CirqueError, match="8 images do not fill one batch of 32"):
        trained(few, tmp_path)
    with pytest.raises(CirqueError, match="warmup is 20 steps and the whole training has 20"):
        trained(data, tmp_path, dataclasses.replace(SETTINGS, warmup=20))
