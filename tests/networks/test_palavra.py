from pathlib import Path

import pytest
import torch
from torch.nn import functional

from cirque.errors import CirqueError
from cirque.networks import palavra, phi


def sets_of(n: int = 4, size: int = 5, dim: int = 6) -> torch.Tensor:
    return torch.randn((n, size, dim), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> palavra.PalavraPhi:
    return palavra.initial(6, 7, 0.25, 11, 0).eval()


def test_at_its_own_size_the_set_encoder_has_palavras_parameters() -> None:
    with torch.device("meta"):
        network = palavra.PalavraPhi(512, 512, 0.25, 4096)
    assert sum(weights.numel() for weights in network.set_encoder.parameters()) == 90_194_432
    assert sum(weights.numel() for weights in network.alignment.parameters()) == 512 * 512 + 512


def test_a_layer_is_elu_of_each_member_less_the_mean(network: palavra.PalavraPhi) -> None:
    sets, layer = sets_of(), network.set_encoder.layers[0]
    weights = dict(layer.named_parameters())
    for members, found in zip(sets, layer(sets), strict=True):
        mean = sum(members) / len(members)
        for x, y in zip(members, found, strict=True):
            plain = weights["gamma.weight"] @ x + weights["gamma.bias"] - weights["lambda_.weight"] @ mean
            assert torch.allclose(y, torch.where(plain > 0, plain, plain.exp() - 1), atol=1e-6)


def test_layers_follow_the_order_of_a_set_and_tokens_do_not(network: palavra.PalavraPhi) -> None:
    sets, order = sets_of(), [3, 0, 4, 1, 2]
    layers = network.set_encoder.layers
    assert torch.allclose(layers(sets[:, order]), layers(sets)[:, order], atol=1e-6)
    assert torch.allclose(network.set_encoder(sets[:, order]), network.set_encoder(sets), atol=1e-6)


def test_a_token_is_of_the_mean_of_its_set_and_every_member_counts(network: palavra.PalavraPhi) -> None:
    sets, encoder = sets_of(), network.set_encoder
    assert torch.allclose(encoder(sets), encoder.head(encoder.layers(sets).sum(1) / 5), atol=1e-6)
    for member in range(5):
        changed = sets.clone()
        changed[:, member] += 1
        assert not torch.allclose(encoder(changed), encoder(sets), atol=1e-3)


def test_an_image_alone_is_a_set_of_its_normalised_feature(network: palavra.PalavraPhi) -> None:
    features = sets_of()[0]
    alone = functional.normalize(features, dim=-1)[:, None]
    assert torch.equal(network(features), network.set_encoder(alone))
    assert torch.allclose(network(9 * features), network(features), atol=1e-6)


def test_alignment_adds_to_the_text(network: palavra.PalavraPhi) -> None:
    texts = sets_of()[0]
    plain = texts + texts @ network.alignment.weight.T + network.alignment.bias
    assert torch.allclose(network.align(texts), plain, atol=1e-6)


def test_dropout_stands_before_both_linear_layers(network: palavra.PalavraPhi) -> None:
    kinds = [type(layer).__name__ for layer in network.set_encoder.head]
    assert kinds == ["Dropout", "Linear", "ELU", "Dropout", "Linear"]
    assert {layer.p for layer in network.modules() if isinstance(layer, torch.nn.Dropout)} == {0.25}


def test_the_seed_alone_decides_the_initial_weights(network: palavra.PalavraPhi) -> None:
    before = torch.random.get_rng_state()
    again, other = palavra.initial(6, 7, 0.25, 11, 0), palavra.initial(6, 7, 0.25, 11, 1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    assert not torch.equal(next(network.parameters()), next(other.parameters()))


def test_networks_come_back_from_their_file(network: palavra.PalavraPhi, tmp_path: Path) -> None:
    phi.save(tmp_path / "phi.safetensors", network, {"seed": 0})
    found = palavra.load(tmp_path / "phi.safetensors", torch.device("cpu"))
    assert torch.equal(found(sets_of()[0]), network(sets_of()[0]))
    assert torch.equal(found.align(sets_of()[0]), network.align(sets_of()[0]))
    assert (found.dim, found.token_dim, found.width, found.training) == (6, 7, 11, False)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    named = {"architecture": "palavra", "dim": 6, "token_dim": 7, "width": 11, "seed": 0}
    assert described == {**named, "sha256": described["sha256"]}


def test_other_networks_are_refused_both_ways(network: palavra.PalavraPhi, tmp_path: Path) -> None:
    phi.save(tmp_path / "searle.safetensors", phi.initial(6, 7, 0.5, 0), {})
    with pytest.raises(CirqueError, match=r"searle\.safetensors: not PALAVRA's networks .*layers\.0\.weight"):
        palavra.load(tmp_path / "searle.safetensors", torch.device("cpu"))
    phi.save(tmp_path / "palavra.safetensors", network, {})
    with pytest.raises(CirqueError, match="not a mapping network φ"):
        phi.load(tmp_path / "palavra.safetensors", torch.device("cpu"))


def test_a_missing_or_cut_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="no such file"):
        palavra.load(tmp_path / "none.safetensors", torch.device("cpu"))
    (tmp_path / "cut.safetensors").write_bytes(b"1234")
    with pytest.raises(CirqueError, match="not a whole safetensors file"):
        palavra.load(tmp_path / "cut.safetensors", torch.device("cpu"))


def test_a_network_without_width_is_an_error() -> None:
    with pytest.raises(CirqueError, match="a width of 0 makes no network"):
        palavra.initial(6, 7, 0.25, 0, 0)
