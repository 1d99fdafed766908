import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.trainers import pic2word as pic2word_training
from cirque.training import loop as training
from cirque.training.loop import epoch_batches
from tests import plain_text

DIM = plain_text.SMALL["embed_dim"]
TOKEN_DIM = plain_text.SMALL["text_cfg"]["width"]

SETTINGS = pic2word_training.Settings(
    architecture="pic2word",
    n_layers=2,
    middle_dim=12,
    epochs=3,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.1,
    dropout=0.1,
    warmup=2,
)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return plain_text.build(plain_text.SMALL)


@pytest.fixture(scope="module")
def features() -> Tensor:
    return 5 * torch.randn((11, DIM), generator=torch.Generator().manual_seed(0))


def network_of(settings: pic2word_training.Settings = SETTINGS, seed: int = 0) -> phi.Pic2WordPhi:
    return phi.initial_pic2word(DIM, TOKEN_DIM, settings.dropout, seed, n_layers=2, middle_dim=12)


def trained(
    features: Tensor, backbone: Backbone, settings: pic2word_training.Settings, folder: Path, seed: int = 0
) -> tuple[dict[str, Tensor], list[dict[str, object]]]:
    network, log = pic2word_training.train(
        features, backbone, settings, seed=seed, state_path=folder / "state.safetensors"
    )
    return network.state_dict(), log


# ---- loss ----------------------------------------------------------------------------------------------------------


def plain_loss(backbone: Backbone, features: Tensor, tokens: Tensor) -> Tensor:
    """The released loss term by term: full context, one text after the other, and a sum over the batch by hand."""
    texts = plain_text.encode(backbone, ["a photo of $"] * len(tokens), tokens)
    scale = backbone.model.logit_scale.exp()
    total = torch.zeros(())
    cosines = [[scale * (v @ p) / v.norm() / p.norm() for p in texts] for v in features]
    for k in range(len(tokens)):
        row, column = torch.stack(cosines[k]), torch.stack([cosines[j][k] for j in range(len(tokens))])
        total = total - torch.log(row[k].exp() / row.exp().sum()) - torch.log(column[k].exp() / column.exp().sum())
    return total / (2 * len(tokens))


def test_the_training_text_is_the_released_sequence(backbone: Backbone) -> None:
    expected = [49406, 320, 1125, 539, text.PLACEHOLDER_ID, 49407]
    assert text.tokenize(backbone, [pic2word_training.PROMPT]) == [expected]


def test_two_positions_of_a_text_go_through_the_tower(backbone: Backbone) -> None:
    layout = pic2word_training.Objective(backbone, 5).layout
    assert len(layout.ids) == 2 * 5
    assert set(layout.positions.tolist()) == {4, 5}
    assert layout.owners.tolist() == list(range(5))


@pytest.mark.parametrize("size", ["small", "real"])
def test_loss_and_gradients_are_those_of_plain_code(size: str, backbone: Backbone) -> None:
    chosen = backbone if size == "small" else plain_text.build(plain_text.REAL)
    network = phi.initial_pic2word(chosen.dim, chosen.token_dim, 0.0, 3, n_layers=2, middle_dim=12)
    images = 5 * torch.randn((7, chosen.dim), generator=torch.Generator().manual_seed(1))
    loss = pic2word_training.Objective(chosen, 7)(images, network(images))
    plain = plain_loss(chosen, images, network(images))
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)
    weights = list(network.parameters())
    pairs = zip(torch.autograd.grad(loss, weights), torch.autograd.grad(plain, weights), strict=True)
    for gradient, expected in pairs:
        assert (gradient - expected).norm() <= 1e-5 * expected.norm()


def test_the_scale_is_the_backbones_own(backbone: Backbone) -> None:
    assert pic2word_training.Objective(backbone, 2).scale.item() == pytest.approx(1 / 0.07, rel=1e-6)


# ---- optimisation --------------------------------------------------------------------------------------------------


def test_weight_matrices_decay_and_biases_do_not() -> None:
    network = network_of()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = pic2word_training.optimiser_of(network, SETTINGS)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for name, value in network.state_dict().items():
        kept = 1 - 0.01 * 0.1 if name.endswith("weight") else 1.0
        assert torch.allclose(value, before[name] * kept, rtol=1e-6, atol=0), name


def test_training_is_adamw_on_the_plain_loss(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    """An independent loop of six steps with the same order and dropout seeds; the schedule written out."""
    network = network_of(seed=5).train()
    named = list(network.named_parameters())
    optimiser = torch.optim.AdamW(
        [
            {"params": [value for name, value in named if "bias" in name], "weight_decay": 0.0},
            {"params": [value for name, value in named if "bias" not in name], "weight_decay": 0.1},
        ],
        betas=(0.9, 0.98),
        eps=1e-6,
    )
    rates = [0.005, 0.01, *(0.01 * (1 + math.cos(math.pi * k / 4)) / 2 for k in range(4))]
    losses = []
    for step, rate in enumerate(rates):
        images = epoch_batches(11, 4, 5, step // 2)[step % 2]
        torch.manual_seed(draws.seed_of(5, "pic2word dropout", step))
        loss = plain_loss(backbone, features[images], network(features[images]))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        losses.append(loss.item())
    state, log = trained(features, backbone, SETTINGS, tmp_path, seed=5)
    expected = [sum(losses[2 * epoch : 2 * epoch + 2]) / 2 for epoch in range(3)]
    assert [row["value"] for row in log] == pytest.approx(expected, rel=1e-4)
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-4), name


def test_the_log_has_the_mean_loss_of_each_epoch(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    _, log = trained(features, backbone, SETTINGS, tmp_path)
    assert [(row["epoch"], row["loss"], row["step"]) for row in log] == [
        (epoch, "contrastive", 2 * (epoch + 1)) for epoch in range(3)
    ]


def test_tokens_learn_to_tell_their_images_apart(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=150, batch=11, dropout=0.0, middle_dim=64)
    _, log = trained(features, backbone, settings, tmp_path)
    assert log[-1]["value"] < 0.2 * log[0]["value"]  # type: ignore[operator]


def test_the_backbone_is_left_as_it_is(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    trained(features, backbone, SETTINGS, tmp_path)
    assert all(torch.equal(before[name], value) for name, value in backbone.model.state_dict().items())


def test_the_architecture_is_the_one_that_the_settings_name(
    features: Tensor, backbone: Backbone, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, architecture="linear", n_layers=1, middle_dim=7, epochs=2)
    network, _ = pic2word_training.train(features, backbone, settings, seed=0, state_path=tmp_path / "state")
    assert network.architecture == "linear"
    assert network.widths() == {"n_layers": 1, "middle_dim": 7}


# ---- errors and resuming -------------------------------------------------------------------------------------------


def test_a_warm_up_as_long_as_the_training_is_an_error(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="warmup is 6 steps and the whole training has 6; lower warmup"):
        trained(features, backbone, dataclasses.replace(SETTINGS, warmup=6), tmp_path)


@pytest.mark.parametrize(("batch", "n_images"), [(1, 11), (0, 11), (4, 1)])
def test_a_batch_without_two_images_is_an_error(
    batch: int, n_images: int, features: Tensor, backbone: Backbone, tmp_path: Path
) -> None:
    with pytest.raises(CirqueError, match="nothing to contrast"):
        trained(features[:n_images], backbone, dataclasses.replace(SETTINGS, batch=batch), tmp_path)


def test_features_of_another_backbone_are_an_error(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="image features have 5 dimensions and the backbone random has 24"):
        trained(features[:, :5], backbone, SETTINGS, tmp_path)


def test_a_network_without_hidden_layers_is_an_error(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="n_layers 0 and middle_dim 12 make no network"):
        trained(features, backbone, dataclasses.replace(SETTINGS, n_layers=0), tmp_path)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(
    features: Tensor, backbone: Backbone, tmp_path: Path
) -> None:
    with pytest.raises(CirqueError, match=r"the losses are .*nan.* at step 0;.*learning_rate"):
        trained(features * torch.nan, backbone, SETTINGS, tmp_path)


class PowerCutError(Exception):
    """Stands for a kill at a chosen moment."""


@pytest.mark.parametrize("after", [1, 2, 3, 5])
def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    after: int, features: Tensor, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, log = trained(features, backbone, SETTINGS, tmp_path)
    path = tmp_path / "cut.safetensors"
    step = training._step

    def cut(state: training.TrainingState, *args: object, **rest: object) -> dict[str, Tensor]:
        if state.step == after:
            raise PowerCutError
        return step(state, *args, **rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "_step", cut)
        with pytest.raises(PowerCutError):
            pic2word_training.train(features, backbone, SETTINGS, seed=0, state_path=path, seconds_between_saves=0.0)
    torch.rand(7)  # a new process has other random numbers
    steps: list[int] = []
    monkeypatch.setattr(
        training,
        "_step",
        lambda state, *args, **rest: steps.append(state.step) or step(state, *args, **rest),
    )
    network, again = pic2word_training.train(features, backbone, SETTINGS, seed=0, state_path=path)
    assert steps == list(range(after, 6))
    assert again == log
    assert all(torch.equal(whole[name], value) for name, value in network.state_dict().items())


def test_training_leaves_the_callers_random_numbers_alone(features: Tensor, backbone: Backbone, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    trained(features, backbone, SETTINGS, tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
