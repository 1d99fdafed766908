import math

import pytest
import torch
from torch import Tensor

from cirque.training import losses as phi_losses


def random_pair(batch: int = 7, dim: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, dim)
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))  # type: ignore[return-value]


def cosine(a: Tensor, b: Tensor) -> float:
    x, y = a.tolist(), b.tolist()
    dot = sum(i * j for i, j in zip(x, y, strict=True))
    return dot / math.sqrt(sum(i * i for i in x)) / math.sqrt(sum(j * j for j in y))


def plain_loss(oti: Tensor, predicted: Tensor, tau: float, variant: str) -> float:
    """The formulas term by term, in Python floats."""
    batch, total = len(oti), 0.0
    for k in range(batch):
        others = [j for j in range(batch) if j != k]
        among_oti = sum(math.exp(cosine(oti[k], oti[j]) / tau) for j in others)
        among_phi = sum(math.exp(cosine(predicted[k], predicted[j]) / tau) for j in others)
        positive = math.exp(cosine(oti[k], predicted[k]) / tau)
        across_oti = sum(math.exp(cosine(oti[k], predicted[j]) / tau) for j in range(batch))
        across_phi = sum(math.exp(cosine(predicted[k], oti[j]) / tau) for j in range(batch))
        own = (among_oti, among_phi) if variant == "released" else (among_phi, among_oti)
        total -= math.log(positive / (across_oti + own[0])) + math.log(positive / (across_phi + own[1]))
    return total / (2 * batch) if variant == "released" else total / batch


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("seed", range(4))
def test_distillation_is_its_formula(variant: str, seed: int) -> None:
    oti, predicted = random_pair(seed=seed)
    loss = phi_losses.distillation_loss(oti, predicted, 0.25, variant)
    assert loss.item() == pytest.approx(plain_loss(oti, predicted, 0.25, variant), rel=1e-12)


def test_the_released_loss_is_nt_xent_over_the_stacked_vectors() -> None:
    oti, predicted = random_pair()
    both = torch.nn.functional.normalize(torch.cat([oti, predicted]), dim=-1)
    scores = both @ both.T / 0.25
    scores.fill_diagonal_(-torch.inf)
    partners = torch.arange(14).roll(7)
    expected = torch.nn.functional.cross_entropy(scores, partners)
    assert phi_losses.distillation_loss(oti, predicted, 0.25, "released").item() == pytest.approx(
        expected.item(), rel=1e-12
    )


def test_the_papers_loss_is_twice_the_released_one_where_both_sets_have_the_same_angles() -> None:
    oti, _ = random_pair()
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    predicted = oti @ turn
    released = phi_losses.distillation_loss(oti, predicted, 0.25, "released").item()
    assert phi_losses.distillation_loss(oti, predicted, 0.25, "paper").item() == pytest.approx(2 * released, rel=1e-12)


def test_elsewhere_the_papers_loss_has_other_negatives_not_only_another_factor() -> None:
    oti, predicted = random_pair()
    released = phi_losses.distillation_loss(oti, predicted, 0.25, "released").item()
    assert phi_losses.distillation_loss(oti, predicted, 0.25, "paper").item() != pytest.approx(2 * released, rel=1e-3)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_the_length_of_tokens_does_not_count_in_distillation(variant: str) -> None:
    oti, predicted = random_pair()
    loss = phi_losses.distillation_loss(oti, predicted, 0.25, variant)
    scaled = phi_losses.distillation_loss(oti * 30, predicted / 7, 0.25, variant)
    assert loss.item() == pytest.approx(scaled.item(), rel=1e-12)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_a_batch_of_one_image_has_no_negatives(variant: str) -> None:
    oti, predicted = random_pair(batch=1)
    predicted.requires_grad_()
    loss = phi_losses.distillation_loss(oti, predicted, 0.25, variant)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()


def test_the_cosine_loss_is_the_mean_of_one_minus_the_cosine() -> None:
    a, b = random_pair()
    expected = sum(1 - cosine(x, y) for x, y in zip(a, b, strict=True)) / 7
    assert phi_losses.cosine_loss(a, b).item() == pytest.approx(expected, rel=1e-12)
    assert phi_losses.cosine_loss(a * 30, b / 7).item() == pytest.approx(expected, rel=1e-12)
