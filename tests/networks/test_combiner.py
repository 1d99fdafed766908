"""The Combiner: the released function value by value, its files, and checkpoints of its authors."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cirque.errors import CirqueError
from cirque.networks import combiner, phi

CPU = torch.device("cpu")
DIM, PROJECTION, HIDDEN = 6, 9, 11


def network(seed: int = 0) -> combiner.Combiner:
    return combiner.initial(DIM, PROJECTION, HIDDEN, 0.5, seed).eval()


def vectors(n: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn((n, DIM), generator=generator), torch.randn((n, DIM), generator=generator)


def plain(state: dict[str, Tensor], image: Tensor, words: Tensor) -> Tensor:
    """One query, every layer written out: no module and no batch."""

    def linear(name: str, x: Tensor) -> Tensor:
        return state[f"{name}.weight"] @ x + state[f"{name}.bias"]

    joined = torch.cat(
        [linear("text_projection_layer", words).clamp(min=0), linear("image_projection_layer", image).clamp(min=0)]
    )
    mixed = linear("output_layer", linear("combiner_layer", joined).clamp(min=0))
    share = 1 / (1 + torch.exp(-linear("dynamic_scalar.3", linear("dynamic_scalar.0", joined).clamp(min=0))))
    whole = mixed + share * words + (1 - share) * image
    return whole / (whole * whole).sum().sqrt()


# ---- values --------------------------------------------------------------------------------------------------------


def test_values_and_gradients_are_those_of_plain_code() -> None:
    one, other = network(), network()
    images, words = vectors()
    weights = torch.randn((5, DIM), generator=torch.Generator().manual_seed(2))
    found = one(images, words)
    expected = torch.stack([plain(dict(other.named_parameters()), *pair) for pair in zip(images, words, strict=True)])
    assert torch.allclose(found, expected, atol=1e-6)
    torch.autograd.backward((weights * found).sum())
    torch.autograd.backward((weights * expected).sum())
    for (name, mine), theirs in zip(one.named_parameters(), other.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert mine.grad.norm() > 0, name
        assert torch.allclose(mine.grad, theirs.grad, atol=1e-6), name


def test_queries_have_unit_length() -> None:
    assert torch.allclose(network()(*vectors()).norm(dim=-1), torch.ones(5))


def test_it_reads_lengths_and_tells_image_from_text() -> None:
    images, words = vectors()
    own = network()
    assert not torch.allclose(own(images, words), own(functional.normalize(images), words), atol=1e-3)
    assert not torch.allclose(own(images, words), own(words, images), atol=1e-3)


def test_a_share_of_one_leaves_the_text_and_of_none_the_image() -> None:
    own = network()
    images, words = vectors()
    with torch.no_grad():
        for layer in (own.output_layer, own.dynamic_scalar[3]):
            layer.weight.zero_()
            layer.bias.zero_()
        assert torch.allclose(own(images, words), functional.normalize(images + words), atol=1e-6)
        own.dynamic_scalar[3].bias.fill_(50.0)
        assert torch.allclose(own(images, words), functional.normalize(words), atol=1e-6)
        own.dynamic_scalar[3].bias.fill_(-50.0)
        assert torch.allclose(own(images, words), functional.normalize(images), atol=1e-6)


def test_dropout_is_of_both_projections_and_both_hidden_layers() -> None:
    assert [module.p for module in network().modules() if isinstance(module, torch.nn.Dropout)] == [0.5, 0.5]
    trained = network().train()
    images, words = vectors(1)
    seen = {tuple(trained(images, words)[0].tolist()) for _ in range(8)}
    assert len(seen) == 8


def test_initial_weights_are_decided_by_the_seed_alone() -> None:
    torch.manual_seed(3)
    first = network().state_dict()
    before = torch.random.get_rng_state()
    second = network().state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["output_layer.weight"], network(1).state_dict()["output_layer.weight"])


@pytest.mark.parametrize(("projection", "hidden"), [(0, 4), (4, 0)])
def test_a_layer_without_width_is_refused(projection: int, hidden: int) -> None:
    with pytest.raises(CirqueError, match=rf"projection_dim {projection} and hidden_dim {hidden} make no network"):
        combiner.initial(DIM, projection, hidden, 0.5, 0)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_it_comes_back_from_its_file_with_its_sizes_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "phi.safetensors"
    phi.save(path, network(), {"seed": 0})
    described = phi.read_side_car(path)
    assert {name: described[name] for name in ("architecture", "dim", "projection_dim", "hidden_dim", "seed")} == {
        "architecture": "combiner",
        "dim": DIM,
        "projection_dim": PROJECTION,
        "hidden_dim": HIDDEN,
        "seed": 0,
    }
    assert combiner.is_in(path)
    assert torch.equal(combiner.load(path, CPU)(*vectors()), network()(*vectors()))


def released(path: Path) -> Path:
    """A checkpoint as CLIP4Cir's code saves it."""
    torch.save({"epoch": 7, "Combiner": network().state_dict()}, path)
    return path


def test_a_released_checkpoint_gives_the_same_queries(tmp_path: Path) -> None:
    path = released(tmp_path / "combiner.pt")
    assert combiner.is_in(path)
    assert torch.equal(combiner.load(path, CPU)(*vectors()), network()(*vectors()))


def test_a_mapping_network_is_refused_with_what_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    phi.save(path, phi.initial(DIM, 7, 0.5, 0), {})
    assert not combiner.is_in(path)
    with pytest.raises(CirqueError, match=r"x\.safetensors: no Combiner .*holds layers\.0\.bias, .*trainer combiner"):
        combiner.load(path, CPU)


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        ({"Phi": phi.initial(DIM, 7, 0.5, 0).state_dict()}, False),
        ({"Combiner": {}}, True),
        ({"Combiner": torch.zeros(3)}, True),
        ({"Combiner": {"text_projection_layer.weight": 3}}, True),
        ({"Combiner": {**network().state_dict(), "output_layer.weight": torch.zeros(2, 2)}}, True),
        (torch.zeros(3), False),
    ],
)
def test_a_checkpoint_without_a_combiner_is_refused(tmp_path: Path, content: object, is_one: bool) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    assert combiner.is_in(path) == is_one
    with pytest.raises(CirqueError, match=r"x\.pt: no Combiner .*; name a network of the trainer combiner"):
        combiner.load(path, CPU)


def test_a_combiner_is_no_mapping_network(tmp_path: Path) -> None:
    path = tmp_path / "phi.safetensors"
    phi.save(path, network(), {})
    with pytest.raises(CirqueError, match="not a mapping network φ"):
        phi.load(path, CPU)


def test_a_file_that_was_altered_or_is_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "phi.safetensors"
    with pytest.raises(CirqueError, match="no such file"):
        combiner.is_in(path)
    phi.save(path, network(), {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CirqueError, match="cut short or altered"):
        combiner.load(path, CPU)
