"""What holds for every composition."""

import pytest
import torch

from cirque import compositions, families
from tests.compositions.queries import SETTINGS, SIZES, FakeQuery, seeded

NAMES = families.COMPOSITIONS.names()

#: What each reads of a query; nothing else is computed for it.
READS = {
    "attribute-operator": {"image", "text"},
    "concatenate": {"image", "text"},
    "film": {"text", "passed_again", "head"},
    "image-only": {"image"},
    "parameter-hashing": {"pooled", "text"},
    "relationship": {"maps", "text"},
    "show-and-tell": {"image", "words"},
    "text-only": {"text"},
    "tirg": {"maps", "text", "head"},
}


def network(name: str, seed: int = 0) -> torch.nn.Module:
    return seeded(lambda: compositions.load(name).build(SIZES, **SETTINGS.get(name, {})), seed)


def test_the_nine_methods_of_the_paper_are_there() -> None:
    assert set(NAMES) >= set(READS)


@pytest.mark.parametrize("name", READS)
def test_a_composition_makes_one_feature_of_each_query_and_reads_only_what_it_needs(name: str) -> None:
    query = FakeQuery()
    assert network(name).eval()(query).shape == (4, SIZES.dim)
    assert query.read == READS[name]


@pytest.mark.parametrize("name", READS)
def test_composed_features_do_not_depend_on_the_rest_of_the_batch_in_evaluation(name: str) -> None:
    composed = network(name).eval()
    query = FakeQuery()
    expected = composed(query)
    query.pixels, query.ids, query.lengths = query.pixels[1:2], query.ids[1:2, :1], query.lengths[1:2]
    torch.testing.assert_close(composed(query), expected[1:2], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", READS)
def test_padded_words_do_not_count(name: str) -> None:
    composed = network(name).eval()
    query = FakeQuery()
    expected = composed(query)
    other = (query.ids + 1) % 11
    padded = torch.arange(query.ids.shape[1]) >= query.lengths[:, None]
    query.ids = torch.cat([torch.where(padded, other, query.ids), other], dim=1)
    torch.testing.assert_close(composed(query), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in READS if name not in ("image-only", "text-only")])
def test_every_parameter_learns(name: str) -> None:
    composed = network(name).train()
    loss = composed(FakeQuery()).square().sum()
    torch.autograd.backward(loss)
    for parameter_name, parameter in composed.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.any(), parameter_name


@pytest.mark.parametrize("name", READS)
def test_initial_weights_come_from_torchs_generator(name: str) -> None:
    first, again = network(name, 3).state_dict(), network(name, 3).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)


@pytest.mark.parametrize("name", READS)
def test_only_film_reads_pixels(name: str) -> None:
    assert families.COMPOSITIONS.literal(name, "READS_PIXELS", False) is (name == "film")
