import numpy as np
import open_clip
import pytest
import torch

from cirque import backbones
from cirque.errors import CirqueError
from cirque.mini import contrastive
from cirque.mini.captions import caption
from cirque.mini.drawing import render
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene
from tests.tiny import CONFIG

SETTINGS = contrastive.Settings(epochs=4, batch=32, learning_rate=2e-3, weight_decay=0.1, warmup=4)
TEXT = {**CONFIG["text_cfg"], "context_length": 77}
TOKENIZER = open_clip.SimpleTokenizer(context_length=77)


@pytest.fixture(scope="module")
def data():
    scenes = [draw_scene(draws(0, n)) for n in range(160)]
    images = [np.asarray(render(scene, 32, draws(0, n, "picture"))) for n, scene in enumerate(scenes)]
    captions = [[caption(scene, draws(0, n, j)) for j in range(3)] for n, scene in enumerate(scenes)]
    return contrastive.Captioned(np.stack(images), captions)


def trained(data, settings=SETTINGS, seed=0):
    torch.manual_seed(0)
    model = backbones.create("tiny", {**CONFIG, "text_cfg": TEXT})
    history = contrastive.train(
        model,
        TOKENIZER,
        data,
        settings,
        seed=seed,
        device=torch.device("cpu"),
        mean=backbones.MEAN,
        std=backbones.STD,
    )
    return model, history


def test_training_lowers_the_loss(data):
    _, history = trained(data)
    assert len(history) == 4
    assert history[-1] < history[0] - 0.1


def test_training_again_gives_the_same_weights_and_another_seed_does_not(data):
    (one, _), (again, _), (other, _) = trained(data), trained(data), trained(data, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.visual.proj, other.visual.proj)


def test_only_words_that_occur_are_trained(data):
    torch.manual_seed(0)
    before = backbones.create("tiny", {**CONFIG, "text_cfg": TEXT}).token_embedding.weight
    after = trained(data)[0].token_embedding.weight
    changed = set((before != after).any(1).nonzero().flatten().tolist())
    occurring = {id_ for texts in data.captions for text in texts for id_ in TOKENIZER.encode(text)}
    assert occurring & changed
    assert changed <= occurring | {0, 49406, 49407}


def test_cut_texts_have_the_features_of_open_clip():
    torch.manual_seed(1)
    model = backbones.create("tiny", {**CONFIG, "text_cfg": TEXT}).eval()
    captions = ["a photo of one red star", "three blue hearts on a striped background", "fish"]
    texts = contrastive.Texts([[text] for text in captions], TOKENIZER)
    rows = model.token_embedding.weight[texts.rows]
    with torch.no_grad():
        ours = contrastive.encode_texts(model, rows, texts.batch(torch.arange(3)))
        assert torch.allclose(ours, model.encode_text(TOKENIZER(captions)), atol=1e-6)


def test_a_loss_that_is_no_number_stops_the_training(data):
    settings = contrastive.Settings(epochs=2, batch=32, learning_rate=float("inf"), weight_decay=0.1, warmup=0)
    with pytest.raises(CirqueError, match=r"the loss is nan at step 2; lower learning_rate"):
        trained(data, settings)


def test_fewer_images_than_a_batch_are_refused(data):
    few = contrastive.Captioned(data.images[:8], data.captions[:8])
    with pytest.raises(CirqueError, match="8 images do not fill one batch of 32"):
        trained(few)
