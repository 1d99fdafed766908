import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.texts import phrase_pool
from cirque.trainers import searle as phi_training
from cirque.training import loop as training
from cirque.training import losses as phi_losses
from tests import plain_text, small_searle

SETTINGS = phi_training.Settings(
    epochs=3,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.5,
    lambda_distil=1.0,
    lambda_gpt=0.75,
    temperature=0.25,
    n_concepts=5,
    loss="released",
    replace="all",
)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> phrase_pool.PhrasePool:
    return phrase_pool.load(*small_searle.write_phrases(tmp_path_factory.mktemp("pool")))


@pytest.fixture(scope="module")
def examples() -> phi_training.Examples:
    generator = torch.Generator().manual_seed(0)
    n = len(small_searle.IMAGES)
    return phi_training.Examples(
        small_searle.IMAGES,
        torch.randn((n, small_searle.DIM), generator=generator),
        torch.randn((n, small_searle.TOKEN_DIM), generator=generator),
    )


def regulariser_of(
    backbone: Backbone,
    pool: phrase_pool.PhrasePool,
    settings: phi_training.Settings = SETTINGS,
    images: list[str] = small_searle.IMAGES,
) -> phi_training.PhraseRegulariser:
    concepts = [np.roll(small_searle.CONCEPTS, -small_searle.IMAGES.index(image)).tolist() for image in images]
    return phi_training.regulariser_of(backbone, pool, images, concepts, settings, seed=0)


@pytest.fixture(scope="module")
def regulariser(backbone: Backbone, pool: phrase_pool.PhrasePool) -> phi_training.PhraseRegulariser:
    return regulariser_of(backbone, pool)


def trained(
    examples: phi_training.Examples,
    regulariser: phi_training.PhraseRegulariser | None,
    settings: phi_training.Settings,
    folder: Path,
    seed: int = 0,
    cycle: phi_training.CycleLoss | None = None,
) -> tuple[dict[str, Tensor], list[dict[str, object]]]:
    network, log = phi_training.train(
        examples, regulariser, settings, cycle=cycle, seed=seed, state_path=folder / "state.safetensors"
    )
    return network.state_dict(), log


# ---- order and draws -----------------------------------------------------------------------------------------------


@given(n_images=st.integers(1, 60), batch=st.integers(1, 20), seed=st.integers(0, 3), epoch=st.integers(0, 3))
def test_an_epoch_is_whole_batches_of_different_images(n_images: int, batch: int, seed: int, epoch: int) -> None:
    batches = training.epoch_batches(n_images, batch, seed, epoch)
    seen = [image for images in batches for image in images]
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(range(n_images))
    assert len(batches) == max(1, n_images // batch)
    assert {len(images) for images in batches} == {min(batch, n_images)}


def test_the_order_differs_between_epochs_and_seeds() -> None:
    orders = [training.epoch_batches(50, 50, seed, epoch)[0] for seed in range(2) for epoch in range(2)]
    assert len(set(map(tuple, orders))) == 4


def drawn_of(regulariser: phi_training.PhraseRegulariser, image: int, epoch: int) -> tuple[int, int]:
    """Row of the concept and number of the phrase that an image draws."""
    (number,) = regulariser.draw([image], epoch).tolist()
    return int(np.searchsorted(regulariser.pool.starts, number, side="right")) - 1, number


def test_an_images_draws_depend_on_seed_image_and_epoch_and_not_on_its_neighbours(
    backbone: Backbone, pool: phrase_pool.PhrasePool, regulariser: phi_training.PhraseRegulariser
) -> None:
    turned = regulariser_of(backbone, pool, images=small_searle.IMAGES[::-1])
    last = len(small_searle.IMAGES) - 1
    for image in range(last + 1):
        assert [drawn_of(regulariser, image, epoch) for epoch in range(5)] == [
            drawn_of(turned, last - image, epoch) for epoch in range(5)
        ]
    assert len({drawn_of(regulariser, 0, epoch) for epoch in range(50)}) > 5


def test_a_batch_draws_what_each_of_its_images_draws_alone(regulariser: phi_training.PhraseRegulariser) -> None:
    images = [4, 0, 4, 10]
    assert regulariser.draw(images, 2).tolist() == [drawn_of(regulariser, image, 2)[1] for image in images]


def test_concept_and_then_phrase_are_drawn_uniformly_from_the_allowed(
    regulariser: phi_training.PhraseRegulariser,
) -> None:
    drawn = [drawn_of(regulariser, 0, epoch) for epoch in range(6000)]
    rows, counts = np.unique([row for row, _ in drawn], return_counts=True)
    assert rows.tolist() == sorted(regulariser.allowed[0].tolist()) == [0, 1, 2, 3, 4]
    assert np.abs(counts / 6000 - 1 / 5).max() < 0.02
    numbers, counts = np.unique([number for _, number in drawn], return_counts=True)
    assert numbers.tolist() == list(range(5 * small_searle.N_PHRASES))
    assert np.abs(counts / 6000 - 1 / 15).max() < 0.015


def test_a_lost_concept_is_never_drawn(backbone: Backbone, pool: phrase_pool.PhrasePool) -> None:
    usable = pool.usable.copy()
    usable[pool.rows["Cat"]] = False
    without = regulariser_of(backbone, dataclasses.replace(pool, usable=usable))
    drawn = {drawn_of(without, image, epoch)[0] for image in range(11) for epoch in range(100)}
    assert drawn == set(range(6)) - {pool.rows["Cat"]}


# ---- losses --------------------------------------------------------------------------------------------------------


def plain_phrase_loss(
    regulariser: phi_training.PhraseRegulariser, images: list[int], epoch: int, tokens: Tensor, replace: str
) -> Tensor:
    """Each image on its own through the unpacked tower; the original phrase from the pool's features."""
    losses = []
    for image, token in zip(images, tokens, strict=True):
        row, number = drawn_of(regulariser, image, epoch)
        concept, phrase = small_searle.CONCEPTS[row], regulariser.pool.phrase(number)
        pseudo = phrase.replace(concept, " $ ") if replace == "all" else phrase.replace(concept, " $ ", 1)
        feature = text.encode(regulariser.backbone, [pseudo], tokens=token[None], replace="first")[0]
        original = torch.from_numpy(regulariser.pool.features[number])
        losses.append(1 - feature @ original / feature.norm() / original.norm())
    return torch.stack(losses).mean()


@pytest.mark.parametrize("replace", ["first", "all"])
def test_the_phrase_loss_and_its_gradient_are_those_of_plain_code(
    replace: str, backbone: Backbone, pool: phrase_pool.PhrasePool
) -> None:
    settings = dataclasses.replace(SETTINGS, replace=replace)
    regulariser = regulariser_of(backbone, pool, settings)
    images = list(range(11))
    tokens = torch.randn(11, small_searle.TOKEN_DIM, requires_grad=True)
    loss = regulariser.loss(regulariser.batch(images, 3), tokens)
    plain = plain_phrase_loss(regulariser, images, 3, tokens, replace)
    assert loss.item() == pytest.approx(plain.item(), abs=1e-5)
    (gradient,), (expected,) = torch.autograd.grad(loss, tokens), torch.autograd.grad(plain, tokens)
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_first_and_all_give_different_phrases_where_the_concept_occurs_twice(
    backbone: Backbone, pool: phrase_pool.PhrasePool
) -> None:
    tokens = torch.ones(11, small_searle.TOKEN_DIM)
    losses = []
    for replace in ("first", "all"):
        regulariser = regulariser_of(backbone, pool, dataclasses.replace(SETTINGS, replace=replace))
        losses.append(regulariser.loss(regulariser.batch(list(range(11)), 3), tokens))
    assert losses[0] != losses[1]


def plain_cycle_loss(backbone: Backbone, images: Tensor, tokens: Tensor) -> Tensor:
    """Each image's text must be the nearest of all other vectors, and the image that of its text; τ = 0.25."""
    texts = plain_text.encode(backbone, ["a photo of $"] * len(tokens), tokens)
    vectors = [*images, *texts]
    losses = []
    for anchor in range(len(vectors)):
        cosines = [vectors[anchor] @ other / vectors[anchor].norm() / other.norm() for other in vectors]
        others = torch.stack([cosines[place] for place in range(len(vectors)) if place != anchor])
        partner = cosines[(anchor + len(images)) % len(vectors)]
        losses.append((others / 0.25).exp().sum().log() - partner / 0.25)
    return torch.stack(losses).mean()


def test_the_cycle_loss_and_its_gradient_are_those_of_plain_code(
    backbone: Backbone, examples: phi_training.Examples
) -> None:
    tokens = torch.randn(11, small_searle.TOKEN_DIM, requires_grad=True)
    loss = phi_training.CycleLoss(backbone, 0.25).loss(examples.features, tokens)
    plain = plain_cycle_loss(backbone, examples.features, tokens)
    assert loss.item() == pytest.approx(plain.item(), abs=1e-5)
    (gradient,), (expected,) = torch.autograd.grad(loss, tokens), torch.autograd.grad(plain, tokens)
    assert torch.allclose(gradient, expected, atol=1e-6)
    assert expected.abs().max() > 1e-3


@pytest.mark.parametrize("loss", ["released", "cosine", "cycle"])
def test_training_is_adamw_on_the_weighted_sum_of_both_losses(
    loss: str,
    backbone: Backbone,
    examples: phi_training.Examples,
    regulariser: phi_training.PhraseRegulariser,
    tmp_path: Path,
) -> None:
    """Two steps of an independent loop that has the same order, draws and dropout seeds."""
    settings = dataclasses.replace(SETTINGS, epochs=1, lambda_distil=0.9, lambda_gpt=0.4, loss=loss)
    network = phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 5).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    totals = []
    for step, images in enumerate(training.epoch_batches(11, 4, 5, 0)):
        torch.manual_seed(draws.seed_of(5, "phi dropout", step))
        predicted = network(examples.features[images])
        tokens = examples.tokens[images]
        if loss == "released":
            distil = phi_losses.distillation_loss(tokens, predicted, 0.25, "released")
        elif loss == "cosine":
            distil = (1 - (tokens * predicted).sum(1) / tokens.norm(dim=1) / predicted.norm(dim=1)).mean()
        else:
            distil = plain_cycle_loss(backbone, examples.features[images], predicted)
        total = 0.9 * distil + 0.4 * plain_phrase_loss(regulariser, images, 0, predicted, "all")
        totals.append(total.item())
        optimiser.zero_grad()
        torch.autograd.backward(total)
        optimiser.step()
    cycle = phi_training.CycleLoss(backbone, 0.25)
    state, log = trained(examples, regulariser, settings, tmp_path, seed=5, cycle=cycle)
    assert len(totals) == 2
    assert log[0]["value"] == pytest.approx(sum(totals) / 2, rel=1e-5)
    for name, value in network.state_dict().items():
        assert torch.allclose(state[name], value, atol=1e-4), name


def test_the_log_has_the_mean_of_each_loss_for_each_epoch(
    examples: phi_training.Examples, regulariser: phi_training.PhraseRegulariser, tmp_path: Path
) -> None:
    _, log = trained(examples, regulariser, SETTINGS, tmp_path)
    assert [(row["epoch"], row["loss"], row["step"]) for row in log] == [
        (epoch, loss, 2 * (epoch + 1)) for epoch in range(3) for loss in ("total", "distil", "gpt")
    ]
    for total, distil, gpt in zip(*(log[i::3] for i in range(3)), strict=True):
        assert total["value"] == pytest.approx(distil["value"] + 0.75 * gpt["value"], rel=1e-5)


@pytest.mark.parametrize("loss", ["released", "cosine"])
def test_distillation_brings_phi_to_the_tokens(examples: phi_training.Examples, tmp_path: Path, loss: str) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=200, lambda_gpt=0.0, dropout=0.0, batch=11, loss=loss)
    state, log = trained(examples, None, settings, tmp_path)
    network = phi.SearlePhi(small_searle.DIM, small_searle.TOKEN_DIM, 0.0)
    network.load_state_dict(state)
    cosines = torch.nn.functional.cosine_similarity(network(examples.features), examples.tokens)
    assert cosines.min() > 0.9
    assert [row["value"] for row in log if row["loss"] == "gpt"] == [0.0] * 200


def test_without_distillation_the_phrases_alone_teach(
    examples: phi_training.Examples, regulariser: phi_training.PhraseRegulariser, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=40, lambda_distil=0.0, dropout=0.0, batch=11)
    _, log = trained(examples, regulariser, settings, tmp_path)
    values = [row["value"] for row in log if row["loss"] == "gpt"]
    assert np.mean(values[-10:]) < np.mean(values[:10])
    assert {row["value"] for row in log if row["loss"] == "distil"} == {0.0}


def test_the_cycle_loss_teaches_from_images_and_looks_at_no_inverted_token(
    backbone: Backbone, examples: phi_training.Examples, tmp_path: Path
) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=60, lambda_gpt=0.0, dropout=0.0, batch=11, loss="cycle")
    cycle = phi_training.CycleLoss(backbone, 0.25)
    state, log = trained(examples, None, settings, tmp_path, cycle=cycle)
    values = [row["value"] for row in log if row["loss"] == "distil"]
    assert np.mean(values[-10:]) < np.mean(values[:10]) - 0.2
    others = dataclasses.replace(examples, tokens=-examples.tokens)
    again, _ = trained(others, None, settings, tmp_path, cycle=cycle)
    assert all(torch.equal(value, again[name]) for name, value in state.items())


def test_the_papers_variant_trains_otherwise(examples: phi_training.Examples, tmp_path: Path) -> None:
    logs = []
    for loss in ("released", "paper"):
        settings = dataclasses.replace(SETTINGS, lambda_gpt=0.0, loss=loss)
        logs.append(trained(examples, None, settings, tmp_path)[1])
    assert logs[1][0]["value"] > 1.5 * logs[0][0]["value"]


# ---- errors and resuming -------------------------------------------------------------------------------------------


def test_nothing_to_learn_from_is_an_error(examples: phi_training.Examples, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, lambda_distil=0.0, lambda_gpt=0.0)
    with pytest.raises(CirqueError, match="both 0"):
        trained(examples, None, settings, tmp_path)


def test_a_weight_on_phrases_without_phrases_is_an_error(examples: phi_training.Examples, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="phrases are needed"):
        trained(examples, None, SETTINGS, tmp_path)


def test_the_cycle_loss_without_a_backbone_is_an_error(examples: phi_training.Examples, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, lambda_gpt=0.0, loss="cycle")
    with pytest.raises(CirqueError, match="the loss cycle reads a text with φ's token, so the backbone is needed"):
        trained(examples, None, settings, tmp_path)


def test_images_or_tokens_of_another_backbone_are_errors_of_the_cycle_loss(backbone: Backbone) -> None:
    cycle = phi_training.CycleLoss(backbone, 0.25)
    with pytest.raises(CirqueError, match="image features have 7 dimensions and the backbone small needs 8"):
        cycle.loss(torch.ones(2, 7), torch.ones(2, 16))
    with pytest.raises(CirqueError, match="inversion tokens have 15 dimensions and the backbone small needs 16"):
        cycle.loss(torch.ones(2, 8), torch.ones(2, 15))


def test_tokens_or_phrases_of_another_backbone_are_errors(
    backbone: Backbone, pool: phrase_pool.PhrasePool, examples: phi_training.Examples, tmp_path: Path
) -> None:
    narrow = dataclasses.replace(pool, features=pool.features[:, :5])
    with pytest.raises(CirqueError, match="phrase features have 5 dimensions and the backbone small has 8"):
        regulariser_of(backbone, narrow)
    short = dataclasses.replace(examples, tokens=examples.tokens[:, :15])
    with pytest.raises(CirqueError, match="inversion tokens have 15 dimensions and the backbone small needs 16"):
        trained(short, regulariser_of(backbone, pool), SETTINGS, tmp_path)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step(
    examples: phi_training.Examples, tmp_path: Path
) -> None:
    broken = dataclasses.replace(examples, features=examples.features * torch.nan)
    with pytest.raises(CirqueError, match=r"the losses are .*nan.* at step 0;.*learning_rate"):
        trained(broken, None, dataclasses.replace(SETTINGS, lambda_gpt=0.0), tmp_path)


class PowerCutError(Exception):
    """Stands for a kill at a chosen moment."""


@pytest.mark.parametrize(
    ("after", "loss"),
    [*((after, "released") for after in (1, 2, 3, 5)), (3, "cosine"), (3, "cycle")],
)
def test_a_training_that_was_cut_off_ends_with_the_same_bits(
    after: int,
    loss: str,
    backbone: Backbone,
    examples: phi_training.Examples,
    regulariser: phi_training.PhraseRegulariser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = dataclasses.replace(SETTINGS, loss=loss)
    cycle = phi_training.CycleLoss(backbone, 0.25)
    whole, log = trained(examples, regulariser, settings, tmp_path, cycle=cycle)
    path = tmp_path / "cut.safetensors"
    step = training._step

    def cut(state: training.TrainingState, *args: object, **rest: object) -> dict[str, Tensor]:
        if state.step == after:
            raise PowerCutError
        return step(state, *args, **rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "_step", cut)
        with pytest.raises(PowerCutError):
            phi_training.train(
                examples, regulariser, settings, cycle=cycle, seed=0, state_path=path, seconds_between_saves=0.0
            )
    torch.rand(7)  # a new process has other random numbers
    steps: list[int] = []
    monkeypatch.setattr(
        training, "_step", lambda state, *args, **rest: steps.append(state.step) or step(state, *args, **rest)
    )
    network, again = phi_training.train(examples, regulariser, settings, cycle=cycle, seed=0, state_path=path)
    assert steps == list(range(after, 6))
    assert again == log
    assert all(torch.equal(whole[name], value) for name, value in network.state_dict().items())


def test_training_leaves_the_callers_random_numbers_alone(examples: phi_training.Examples, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    trained(examples, None, dataclasses.replace(SETTINGS, lambda_gpt=0.0), tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())
