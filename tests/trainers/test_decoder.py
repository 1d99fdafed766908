"""The decoder of features: pictures of any size, a loss that falls, the same bits after a kill."""

import numpy as np
import pytest
import torch

from cirque.trainers import decoder
from cirque.trainers.decoder import Decoder, Settings
from cirque.training.loop import fit

SETTINGS = Settings(steps=150, batch=8, learning_rate=0.01, width=4)


def made(seed=0):
    """Features [16, 6] of pictures [16, 10, 14, 3] of one colour each, which the features tell; and a decoder."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(16, 6)).astype(np.float32)
    colours = (features[:, :3] > 0) * 255
    pixels = np.broadcast_to(colours[:, None, None], (16, 10, 14, 3)).astype(np.uint8)
    torch.manual_seed(seed)
    return features, pixels, Decoder(6, height=10, width=14, channels=SETTINGS.width)


@pytest.mark.parametrize(("height", "width"), [(30, 45), (45, 30), (60, 90), (64, 64), (7, 9), (1, 2)])
def test_pictures_have_the_size_that_was_asked_for(height, width):
    network = Decoder(5, height, width, channels=2).eval()
    assert network(torch.ones(3, 5)).shape == (3, 3, height, width)
    pictures = decoder.decoded(network, np.ones((decoder.PER_PASS + 1, 5), dtype=np.float32))
    assert pictures.shape == (decoder.PER_PASS + 1, height, width, 3)
    assert pictures.dtype == np.uint8


def test_only_the_direction_of_a_feature_counts():
    features, _, network = made()
    network.eval()
    assert np.abs(decoder.decoded(network, features) - decoder.decoded(network, 7 * features).astype(int)).max() <= 1


def test_the_pictures_are_learned(tmp_path):
    features, pixels, network = made()
    training = decoder.training_of(network, features, pixels, SETTINGS, seed=0)
    with torch.no_grad():
        before = float(training.loss(training.batch(0), 0)["mse"])
    fit(training, tmp_path / "state.safetensors")
    errors = (decoder.decoded(network, features) / 255 - pixels / 255) ** 2
    assert errors.mean() < 0.1 * before


def test_a_training_that_was_cut_off_ends_with_the_same_bits(tmp_path, monkeypatch):
    features, pixels, whole = made()
    fit(decoder.training_of(whole, features, pixels, SETTINGS, seed=3), tmp_path / "whole.safetensors")

    _, _, cut = made()
    training = decoder.training_of(cut, features, pixels, SETTINGS, seed=3)
    made_batch = training.batch

    def until(step):
        if step == SETTINGS.steps // 2:
            raise KeyboardInterrupt
        return made_batch(step)

    object.__setattr__(training, "batch", until)
    with pytest.raises(KeyboardInterrupt):
        fit(training, tmp_path / "cut.safetensors", seconds_between_saves=0)
    assert (tmp_path / "cut.safetensors").is_file()

    _, _, again = made(seed=0)
    fit(decoder.training_of(again, features, pixels, SETTINGS, seed=3), tmp_path / "cut.safetensors")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
