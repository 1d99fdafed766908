import math
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from cirque import phi
from cirque.errors import CirqueError

CPU = torch.device("cpu")


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


# ---- the network ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "count"), [(512, 6_296_064), (768, 14_162_688)])
def test_phi_has_as_many_parameters_as_the_released_one(dim: int, count: int) -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in phi.Phi(dim, dim, 0.5).parameters()) == count


def test_parameters_are_named_as_in_the_released_checkpoints() -> None:
    names = {f"layers.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    assert set(phi.Phi(2, 3, 0.5).state_dict()) == names


def test_phi_is_three_linear_maps_with_exact_gelu_between_and_nothing_after() -> None:
    network = phi.initial(4, 6, 0.5, 0).eval().double()
    x = torch.randn(3, 4, dtype=torch.float64)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    expected = x.numpy()
    for layer in (0, 3, 6):
        expected = expected @ weights[f"layers.{layer}.weight"].T + weights[f"layers.{layer}.bias"]
        if layer < 6:
            expected = expected * 0.5 * (1 + np.vectorize(math.erf)(expected / math.sqrt(2)))
    assert np.allclose(network(x).detach().numpy(), expected, atol=1e-12)


def test_dropout_follows_both_hidden_layers_and_only_in_training() -> None:
    network = phi.initial(4, 6, 0.5, 0)
    x = torch.randn(3, 4)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
    assert [layer.p for layer in network.layers if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]


def test_initial_weights_depend_on_the_seed_alone() -> None:
    first = phi.initial(4, 6, 0.5, 0).state_dict()
    torch.rand(5)
    again, other = phi.initial(4, 6, 0.5, 0).state_dict(), phi.initial(4, 6, 0.5, 1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.weight"], other["layers.0.weight"])


# ---- losses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("seed", range(4))
def test_distillation_is_its_formula(variant: str, seed: int) -> None:
    oti, predicted = random_pair(seed=seed)
    loss = phi.distillation_loss(oti, predicted, 0.25, variant)
    assert loss.item() == pytest.approx(plain_loss(oti, predicted, 0.25, variant), rel=1e-12)


def test_the_released_loss_is_nt_xent_over_the_stacked_vectors() -> None:
    oti, predicted = random_pair()
    both = torch.nn.functional.normalize(torch.cat([oti, predicted]), dim=-1)
    scores = both @ both.T / 0.25
    scores.fill_diagonal_(-torch.inf)
    partners = torch.arange(14).roll(7)
    expected = torch.nn.functional.cross_entropy(scores, partners)
    assert phi.distillation_loss(oti, predicted, 0.25, "released").item() == pytest.approx(expected.item(), rel=1e-12)


def test_the_papers_loss_is_twice_the_released_one_where_both_sets_have_the_same_angles() -> None:
    oti, _ = random_pair()
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    predicted = oti @ turn
    released = phi.distillation_loss(oti, predicted, 0.25, "released").item()
    assert phi.distillation_loss(oti, predicted, 0.25, "paper").item() == pytest.approx(2 * released, rel=1e-12)


def test_elsewhere_the_papers_loss_has_other_negatives_not_only_another_factor() -> None:
    oti, predicted = random_pair()
    released = phi.distillation_loss(oti, predicted, 0.25, "released").item()
    assert phi.distillation_loss(oti, predicted, 0.25, "paper").item() != pytest.approx(2 * released, rel=1e-3)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_the_length_of_tokens_does_not_count_in_distillation(variant: str) -> None:
    oti, predicted = random_pair()
    loss = phi.distillation_loss(oti, predicted, 0.25, variant)
    scaled = phi.distillation_loss(oti * 30, predicted / 7, 0.25, variant)
    assert loss.item() == pytest.approx(scaled.item(), rel=1e-12)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_a_batch_of_one_image_has_no_negatives(variant: str) -> None:
    oti, predicted = random_pair(batch=1)
    predicted.requires_grad_()
    loss = phi.distillation_loss(oti, predicted, 0.25, variant)
    torch.autograd.backward(loss)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()


def test_the_phrase_loss_is_the_mean_of_one_minus_the_cosine() -> None:
    with_token, phrase = random_pair()
    expected = sum(1 - cosine(a, b) for a, b in zip(with_token, phrase, strict=True)) / 7
    assert phi.phrase_loss(with_token, phrase).item() == pytest.approx(expected, rel=1e-12)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_phi_gives_the_same_tokens_and_tells_what_it_is(tmp_path: Path) -> None:
    network = phi.initial(4, 6, 0.5, 0)
    phi.save(tmp_path / "phi.safetensors", network, {"seed": 0, "source": "random"})
    loaded = phi.load(tmp_path / "phi.safetensors", CPU)
    x = torch.randn(3, 4)
    assert torch.equal(loaded(x), network.eval()(x))
    assert not loaded.training
    assert phi.read_side_car(tmp_path / "phi.safetensors") == {
        "dim": 4,
        "token_dim": 6,
        "hidden": 16,
        "seed": 0,
        "source": "random",
    }


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_released_checkpoint_is_read_in_fp32(dtype: torch.dtype, tmp_path: Path) -> None:
    network = phi.initial(4, 6, 0.5, 0).to(dtype)
    torch.save({"epoch": 20, "Phi": network.state_dict()}, tmp_path / "SEARLE_ViT-B32.pt")
    loaded = phi.load(tmp_path / "SEARLE_ViT-B32.pt", CPU)
    x = torch.randn(3, 4)
    assert torch.equal(loaded(x), network.float().eval()(x))
    assert loaded(x).dtype == torch.float32


class Payload:
    """An object, as a pickle may hold to run code."""


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 20, "Phi": Payload()}, tmp_path / "evil.pt")
    with pytest.raises(CirqueError, match="could not be read as a released checkpoint"):
        phi.load(tmp_path / "evil.pt", CPU)


def test_a_checkpoint_of_something_else_is_an_error(tmp_path: Path) -> None:
    torch.save({"epoch": 20, "model": {}}, tmp_path / "other.pt")
    with pytest.raises(CirqueError, match="has the key Phi"):
        phi.load(tmp_path / "other.pt", CPU)


def test_a_missing_phi_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="no such file"):
        phi.load(tmp_path / "phi.safetensors", CPU)


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_a_phi_that_was_cut_short_is_an_error(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"phi.{ending}"
    if ending == "pt":
        torch.save({"epoch": 1, "Phi": phi.initial(4, 6, 0.5, 0).state_dict()}, path)
    else:
        phi.save(path, phi.initial(4, 6, 0.5, 0), {})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CirqueError, match=r"not a whole safetensors file|could not be read"):
        phi.load(path, CPU)


@pytest.mark.parametrize(
    "tensors",
    [
        {"weight": torch.zeros(3)},
        {f"layers.{layer}.{kind}": torch.zeros(2, 2) for layer in (0, 3, 6) for kind in ("weight", "bias")},
    ],
)
def test_weights_of_another_network_are_an_error(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    safetensors.torch.save_file(tensors, tmp_path / "phi.safetensors")
    with pytest.raises(CirqueError, match="not a mapping network"):
        phi.load(tmp_path / "phi.safetensors", CPU)


def test_a_failed_write_leaves_no_phi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CirqueError, match=r"could not be written \(No space left on device\)"):
        phi.save(tmp_path / "phi.safetensors", phi.initial(4, 6, 0.5, 0), {})
    assert not list(tmp_path.iterdir())
