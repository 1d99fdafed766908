"""The contrastive loss and the schedule that CLIP's training and Pic2Word's share."""

import math
from dataclasses import dataclass

import pytest
import torch

from cirque.training import contrastive


@dataclass(frozen=True)
class Schedule:
    learning_rate: float
    warmup: int


def test_the_loss_is_symmetric_and_least_where_pairs_agree() -> None:
    features = torch.eye(4)
    scale = torch.tensor(2.0).exp()
    loss = contrastive.contrastive_loss(features, features, scale)
    assert loss == pytest.approx(float(torch.log(1 + 3 * torch.exp(-scale))), abs=1e-6)
    one, other = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(
        contrastive.contrastive_loss(one, other, scale), contrastive.contrastive_loss(other, one, scale)
    )
    assert loss < contrastive.contrastive_loss(features, features.roll(1, 0), scale)


def test_the_learning_rate_rises_and_then_falls_to_nothing() -> None:
    schedule = Schedule(learning_rate=1e-3, warmup=4)
    rates = [contrastive.learning_rate(step, 20, schedule) for step in range(20)]
    assert rates[3] == max(rates) == schedule.learning_rate
    assert rates[0] == schedule.learning_rate / 4
    assert rates[-1] < schedule.learning_rate / 50


def test_lengths_do_not_count_and_a_pair_stands_against_all_others() -> None:
    images, texts = torch.eye(3), torch.eye(3) * 4
    found = contrastive.contrastive_loss(images * 9, texts, torch.tensor(2.0))
    assert found.item() == pytest.approx(-math.log(math.e**2 / (math.e**2 + 2)), rel=1e-6)


def test_the_loss_asks_both_ways() -> None:
    images = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    e = math.e
    by_image = (-math.log(e / (e + 1)) - math.log(1 / (e + 1))) / 2
    found = contrastive.contrastive_loss(images, texts, torch.tensor(1.0))
    assert found.item() == pytest.approx((by_image + math.log(2)) / 2, rel=1e-6)


def test_the_learning_rate_warms_up_linearly_and_falls_as_half_a_cosine() -> None:
    settings = Schedule(learning_rate=1e-4, warmup=10_000)
    rates = {step: contrastive.learning_rate(step, 90_000, settings) for step in (0, 9_999, 10_000, 50_000)}
    assert rates == pytest.approx({0: 1e-8, 9_999: 1e-4, 10_000: 1e-4, 50_000: 5e-5}, rel=1e-9)
    last = contrastive.learning_rate(89_999, 90_000, settings)
    assert last == pytest.approx(1e-4 * math.sin(math.pi / 2 / 80_000) ** 2, rel=1e-6)
    assert contrastive.learning_rate(90_000, 90_000, settings) == 0
