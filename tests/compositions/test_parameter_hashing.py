import math

import numpy as np
import pytest
import torch

from cirque.compositions import Sizes, parameter_hashing
from cirque.errors import CirqueError
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights


def test_the_matrix_is_filled_from_candidates_and_acts_on_the_pooled_map() -> None:
    network = with_any_weights(seeded(lambda: parameter_hashing.build(SIZES, n_candidates=16)))
    query = FakeQuery()
    rows = []
    for pooled, text in zip(query.pooled, query.text, strict=True):
        predicted = network.candidates.weight @ text + network.candidates.bias
        centred = predicted - predicted.mean()
        p = network.gain * centred / (centred.square().mean() + 1e-5).sqrt()
        row = [
            sum(p[network.hash[m, c]] * network.signs[m, c] * pooled[c] for c in range(SIZES.channels))
            + network.bias[m]
            for m in range(SIZES.dim)
        ]
        rows.append(torch.stack(row))
    same_with_gradients(network(query), torch.stack(rows), list(network.parameters()))


def test_the_hash_does_not_depend_on_torchs_seed() -> None:
    one = seeded(lambda: parameter_hashing.build(SIZES, n_candidates=16), 0)
    other = seeded(lambda: parameter_hashing.build(SIZES, n_candidates=16), 1)
    assert torch.equal(one.hash, other.hash)
    assert torch.equal(one.signs, other.signs)
    assert not torch.equal(one.candidates.weight, other.candidates.weight)


def test_the_hash_is_saved_with_the_weights_and_learns_nothing() -> None:
    network = seeded(lambda: parameter_hashing.build(SIZES, n_candidates=16))
    assert {"hash", "signs"} <= set(network.state_dict())
    assert not {"hash", "signs"} & {name for name, _ in network.named_parameters()}


def test_candidates_and_signs_are_evenly_used() -> None:
    network = parameter_hashing.build(Sizes(512, 512, ()), n_candidates=4096)
    uses = np.bincount(network.hash.flatten().numpy(), minlength=4096)
    assert len(uses) == 4096
    assert uses.mean() == 64
    assert uses.std() == pytest.approx(8, rel=0.05)  # as of independent draws
    assert set(network.signs.unique().tolist()) == {-1.0, 1.0}
    assert network.signs.mean().item() == pytest.approx(0, abs=5 / 512)


@pytest.mark.parametrize("length", [0.05, 1, 20])
def test_the_matrix_starts_with_the_variance_of_a_default_layer_however_long_texts_are(length: float) -> None:
    network = seeded(lambda: parameter_hashing.build(Sizes(300, 64, ()), n_candidates=4096))
    text = length * torch.randn(6, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = network.weights(text)
    assert weights.shape == (6, 64, 300)
    assert weights.mean(dim=(1, 2)).tolist() == pytest.approx([0] * 6, abs=0.002)
    default = torch.nn.Linear(300, 64).weight.var().item()
    assert default == pytest.approx(1 / 900, rel=0.05)
    assert weights.var(dim=(1, 2)).tolist() == pytest.approx([1 / 900] * 6, rel=0.05)
    rows = weights.var(dim=2)
    assert rows.mean().item() == pytest.approx(1 / 900, rel=0.05)
    assert rows.min().item() > 0.5 / 900


def test_another_text_makes_another_matrix() -> None:
    network = seeded(lambda: parameter_hashing.build(SIZES, n_candidates=16))
    text = torch.randn(2, SIZES.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    one, other = network.weights(text)
    assert (one - other).abs().max() > 0.1 / math.sqrt(SIZES.channels)


def test_parameters_are_those_of_the_candidates_the_gain_and_the_bias() -> None:
    n = n_parameters(lambda: parameter_hashing.build(Sizes(512, 512, ()), n_candidates=4096))
    assert n == 4096 * 512 + 4096 + 1 + 512


def test_one_candidate_makes_no_matrix() -> None:
    with pytest.raises(CirqueError, match="n_candidates 1 makes no matrix; give at least 2"):
        parameter_hashing.build(SIZES, n_candidates=1)
