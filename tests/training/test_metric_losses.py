import math
from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from cirque.errors import CirqueError
from cirque.training import metric_losses

LOSSES = {
    "batch softmax": metric_losses.batch_softmax,
    "soft triplet": metric_losses.soft_triplet,
    "soft triplet, released": lambda q, t: metric_losses.soft_triplet_released(q, t, chosen(len(q))),
}


def chosen(n: int, seed: int = 0) -> np.ndarray:
    return metric_losses.released_triplets(np.random.default_rng(seed), n)


def random_pair(batch: int = 6, dim: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    queries, targets = torch.randn(2, batch, dim, generator=generator, dtype=torch.float64)
    return queries.requires_grad_(), targets.requires_grad_()


def distance(a: Tensor, b: Tensor) -> Tensor:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def plain_softmax(queries: Tensor, targets: Tensor) -> Tensor:
    terms = []
    for i, query in enumerate(queries):
        exponentials = [sum(query * target).exp() for target in targets]
        terms.append(-(exponentials[i] / sum(exponentials)).log())
    return sum(terms) / len(terms)  # type: ignore[return-value]


def plain_triplet(queries: Tensor, targets: Tensor) -> Tensor:
    n, terms = len(queries), []
    for i in range(n):
        for j in range(n):
            if j != i:
                wrong, right = -distance(queries[i], targets[j]), -distance(queries[i], targets[i])
                terms.append((1 + (wrong - right).exp()).log())
    return sum(terms) / (n * (n - 1))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("loss", "plain"),
    [(metric_losses.batch_softmax, plain_softmax), (metric_losses.soft_triplet, plain_triplet)],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_papers_losses_are_their_formulas(loss, plain, seed: int) -> None:  # type: ignore[no-untyped-def]
    pair = random_pair(seed=seed)
    found, expected = loss(*pair), plain(*pair)
    assert found.item() == pytest.approx(expected.item(), rel=1e-8)
    for one, other in zip(torch.autograd.grad(found, pair), torch.autograd.grad(expected, pair), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_released_loss_has_the_value_and_the_gradient_of_the_released_code(seed: int) -> None:
    """The gradient by the released backward pass, in which the derivative of ‖a − b‖² by a is a − b."""
    queries, targets = random_pair(seed=seed)
    items = torch.cat([queries, targets]).detach()
    negatives = chosen(6, seed)
    triplets = [(a, (a + 6) % 12, int(n)) for a in range(12) for n in negatives[a]]
    value, gradient = 0.0, torch.zeros_like(items)
    for a, p, n in triplets:
        power = math.exp(distance(items[a], items[p]).item() - distance(items[a], items[n]).item())
        value += math.log(1 + power) / len(triplets)
        weight = power / (1 + power) / len(triplets)
        gradient[a] += weight * ((items[a] - items[p]) - (items[a] - items[n]))
        gradient[p] += weight * (items[p] - items[a])
        gradient[n] -= weight * (items[n] - items[a])
    loss = metric_losses.soft_triplet_released(queries, targets, negatives)
    assert loss.item() == pytest.approx(value, rel=1e-8)
    found = torch.cat(torch.autograd.grad(loss, [queries, targets]))
    torch.testing.assert_close(found, gradient, rtol=1e-7, atol=1e-10)


def test_the_released_gradient_is_half_of_the_values() -> None:
    queries, targets = random_pair()
    negatives = chosen(6)
    loss = metric_losses.soft_triplet_released(queries, targets, negatives)
    (gradient, _) = torch.autograd.grad(loss, [queries, targets])
    step = torch.zeros_like(queries)
    step[2, 1] = 1e-5
    with torch.no_grad():
        above, below = (
            metric_losses.soft_triplet_released(queries + sign * step, targets, negatives).item() for sign in (1, -1)
        )
    assert gradient[2, 1].item() == pytest.approx((above - below) / 2e-5 / 2, rel=1e-5)


@pytest.mark.parametrize("n", [2, 3, 4, 32])
def test_negatives_are_of_other_pairs_and_none_stands_twice(n: int) -> None:
    for seed in range(20):
        negatives = chosen(n, seed)
        assert negatives.shape == (2 * n, min(3, 2 * (n - 1)))
        assert negatives.dtype == np.int64
        for anchor, row in enumerate(negatives):
            assert len(set(row)) == len(row)
            assert all(0 <= item < 2 * n and item % n != anchor % n for item in row)


def test_every_negative_is_as_likely_and_queries_and_targets_are_both_anchors() -> None:
    rng = np.random.default_rng(0)
    n_draws, uses = 4000, Counter[tuple[int, int]]()
    for _ in range(n_draws):
        for anchor, row in enumerate(metric_losses.released_triplets(rng, 4)):
            uses.update((anchor, int(item)) for item in row)
    assert len(uses) == 8 * 6
    deviation = math.sqrt(n_draws * 0.25)
    assert all(abs(count - n_draws / 2) < 5 * deviation for count in uses.values())


def test_a_batch_of_32_has_192_triplets_that_the_generator_alone_decides() -> None:
    assert chosen(32).size == 192
    assert np.array_equal(chosen(32, 5), chosen(32, 5))
    assert not np.array_equal(chosen(32, 5), chosen(32, 6))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_scale_of_100_does_not_overflow(loss) -> None:  # type: ignore[no-untyped-def]
    queries, targets = ((100 * normalize(x.detach().float())).requires_grad_() for x in random_pair(32))
    value = loss(queries, targets)
    assert math.isfinite(value.item())
    assert value > 100
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(value, [queries, targets]))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_equal_vectors_have_finite_gradients_and_no_preference(loss) -> None:  # type: ignore[no-untyped-def]
    queries = torch.full((4, 5), 0.3, requires_grad=True)
    targets = torch.full((4, 5), 0.3, requires_grad=True)
    value = loss(queries, targets)
    assert value.item() == pytest.approx(math.log(4 if loss is metric_losses.batch_softmax else 2), rel=1e-6)
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(value, [queries, targets]))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_loss_is_least_where_queries_lie_on_their_targets(loss) -> None:  # type: ignore[no-untyped-def]
    targets = 4 * torch.eye(6, dtype=torch.float64)
    right, wrong = loss(targets, targets).item(), loss(targets.roll(1, 0), targets).item()
    assert 0 <= right < 1e-5 < 2 < wrong


def test_batch_softmax_asks_from_query_to_target_only() -> None:
    queries, targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.eye(2)
    e = math.e
    expected = (-math.log(e / (e + 1)) - math.log(1 / (e + 1))) / 2
    assert metric_losses.batch_softmax(queries, targets).item() == pytest.approx(expected, rel=1e-6)
    assert metric_losses.batch_softmax(targets, queries).item() == pytest.approx(math.log(2), rel=1e-6)


def test_squared_distances_are_never_negative() -> None:
    rows = 100 * torch.randn(64, 512, generator=torch.Generator().manual_seed(0))
    found = metric_losses.squared_distances(rows, rows)
    assert found.min() >= 0
    expected = (rows[:, None].double() - rows.double()).square().sum(dim=2)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=10)


@pytest.mark.parametrize("loss", ["soft triplet", "soft triplet, released"])
def test_a_single_query_has_no_negatives(loss: str) -> None:
    with pytest.raises(CirqueError, match="a batch of 1 has no negatives"):
        LOSSES[loss](torch.ones(1, 3), torch.ones(1, 3))
