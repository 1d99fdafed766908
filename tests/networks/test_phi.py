import math
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from cirque.errors import CirqueError
from cirque.networks import phi

CPU = torch.device("cpu")


def pic2word(architecture: phi.Pic2WordArchitecture = "pic2word", seed: int = 0) -> phi.Pic2WordPhi:
    return phi.initial_pic2word(4, 6, 0.5, seed, n_layers=2, middle_dim=5, architecture=architecture)


# ---- the networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "count"), [(512, 6_296_064), (768, 14_162_688)])
def test_phi_has_as_many_parameters_as_the_released_one(dim: int, count: int) -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in phi.SearlePhi(dim, dim, 0.5).parameters()) == count


def test_parameters_are_named_as_in_the_released_checkpoints() -> None:
    names = {f"layers.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    assert set(phi.SearlePhi(2, 3, 0.5).state_dict()) == names


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


@pytest.mark.parametrize(
    ("n_layers", "middle_dim", "architecture", "count"),
    [
        (2, 512, "pic2word", 1_050_368),
        (2, 4096, "pic2word", 23_077_632),
        (4, 512, "pic2word", 1_575_680),
        (1, 512, "linear", 787_712),
    ],
)
def test_pic2words_phi_has_as_many_parameters_as_its_supplements_table_3(
    n_layers: int, middle_dim: int, architecture: phi.Pic2WordArchitecture, count: int
) -> None:
    with torch.device("meta"):
        network = phi.Pic2WordPhi(768, 768, 0.1, n_layers=n_layers, middle_dim=middle_dim, architecture=architecture)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_pic2words_parameters_are_named_as_in_its_released_checkpoints() -> None:
    layers = ("layers.0.0", "layers.1.0", "fc_out")
    assert set(pic2word().state_dict()) == {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}


@pytest.mark.parametrize("architecture", ["pic2word", "linear"])
def test_pic2words_phi_is_linear_maps_with_relu_between_or_nothing(architecture: phi.Pic2WordArchitecture) -> None:
    network = pic2word(architecture).eval().double()
    x = torch.randn(3, 4, dtype=torch.float64)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    expected = x.numpy()
    for layer in ("layers.0.0", "layers.1.0", "fc_out"):
        expected = expected @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        if layer != "fc_out" and architecture == "pic2word":
            expected = np.maximum(expected, 0)
    assert np.allclose(network(x).detach().numpy(), expected, atol=1e-12)


def test_pic2words_dropout_follows_every_hidden_layer_and_only_in_training() -> None:
    network = pic2word()
    x = torch.randn(3, 4)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
    assert [layer.p for layer in network.modules() if isinstance(layer, torch.nn.Dropout)] == [0.5, 0.5]


def test_pic2words_initial_weights_depend_on_the_seed_alone() -> None:
    first = pic2word().state_dict()
    torch.rand(5)
    again, other = pic2word().state_dict(), pic2word(seed=1).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["fc_out.weight"], other["fc_out.weight"])


@pytest.mark.parametrize(("n_layers", "middle_dim"), [(0, 5), (2, 0)])
def test_a_pic2word_without_hidden_layers_is_an_error(n_layers: int, middle_dim: int) -> None:
    with pytest.raises(CirqueError, match=f"n_layers {n_layers} and middle_dim {middle_dim} make no network"):
        phi.initial_pic2word(4, 6, 0.5, 0, n_layers=n_layers, middle_dim=middle_dim)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_phi_gives_the_same_tokens_and_tells_what_it_is(tmp_path: Path) -> None:
    network = phi.initial(4, 6, 0.5, 0)
    phi.save(tmp_path / "phi.safetensors", network, {"seed": 0, "source": "random"})
    loaded = phi.load(tmp_path / "phi.safetensors", CPU)
    x = torch.randn(3, 4)
    assert torch.equal(loaded(x), network.eval()(x))
    assert not loaded.training
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    assert len(described.pop("sha256")) == 64
    assert described == {
        "architecture": "searle",
        "dim": 4,
        "token_dim": 6,
        "hidden": 16,
        "seed": 0,
        "source": "random",
    }


def test_a_phi_of_which_one_bit_is_flipped_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "phi.safetensors"
    phi.save(path, phi.initial(4, 6, 0.5, 0), {})
    whole = bytearray(path.read_bytes())
    whole[int(len(whole) * 0.6)] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CirqueError, match=r"phi\.safetensors: cut short or altered"):
        phi.load(path, CPU)


@pytest.mark.parametrize("name", ["phi.pth", "SEARLE_ViT-B32.pt", "checkpoint"])
def test_a_released_checkpoint_is_known_by_its_content_and_not_by_its_name(name: str, tmp_path: Path) -> None:
    network = phi.initial(4, 6, 0.5, 0)
    torch.save({"epoch": 20, "Phi": network.state_dict()}, tmp_path / name)
    x = torch.randn(3, 4)
    assert torch.equal(phi.load(tmp_path / name, CPU)(x), network.eval()(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_released_checkpoint_is_read_in_fp32(dtype: torch.dtype, tmp_path: Path) -> None:
    network = phi.initial(4, 6, 0.5, 0).to(dtype)
    torch.save({"epoch": 20, "Phi": network.state_dict()}, tmp_path / "SEARLE_ViT-B32.pt")
    loaded = phi.load(tmp_path / "SEARLE_ViT-B32.pt", CPU)
    x = torch.randn(3, 4)
    assert torch.equal(loaded(x), network.float().eval()(x))
    assert loaded(x).dtype == torch.float32


@pytest.mark.parametrize("architecture", ["pic2word", "linear"])
def test_a_saved_pic2word_is_loaded_as_the_architecture_that_its_side_car_names(
    architecture: phi.Pic2WordArchitecture, tmp_path: Path
) -> None:
    network = pic2word(architecture)
    phi.save(tmp_path / "phi.safetensors", network, {"seed": 0})
    loaded = phi.load(tmp_path / "phi.safetensors", CPU)
    x = torch.randn(3, 4)
    assert torch.equal(loaded(x), network.eval()(x))
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    assert len(described.pop("sha256")) == 64
    assert described == {
        "architecture": architecture,
        "dim": 4,
        "token_dim": 6,
        "n_layers": 2,
        "middle_dim": 5,
        "seed": 0,
    }


@pytest.mark.parametrize("network", [pic2word(), phi.initial(4, 6, 0.5, 0)])
def test_without_a_side_car_the_names_of_parameters_tell_the_architecture(network: phi.Phi, tmp_path: Path) -> None:
    phi.save(tmp_path / "phi.safetensors", network, {})
    phi.side_car(tmp_path / "phi.safetensors").unlink()
    loaded = phi.load(tmp_path / "phi.safetensors", CPU)
    x = torch.randn(3, 4)
    assert loaded.architecture == network.architecture
    assert torch.equal(loaded(x), network.eval()(x))


def test_a_side_car_of_an_unknown_architecture_is_an_error(tmp_path: Path) -> None:
    phi.save(tmp_path / "phi.safetensors", pic2word(), {"architecture": "pic3word"})
    with pytest.raises(CirqueError, match="not a mapping network φ"):
        phi.load(tmp_path / "phi.safetensors", CPU)


@pytest.mark.parametrize("content", ["[]", '"φ"', '{"sha256": 1}', '{"architecture": []}'])
def test_a_side_car_that_describes_no_phi_is_refused_by_its_name(tmp_path: Path, content: str) -> None:
    phi.save(tmp_path / "phi.safetensors", pic2word(), {})
    phi.side_car(tmp_path / "phi.safetensors").write_text(content)
    (tmp_path / "phi.json.run.json").unlink(missing_ok=True)
    with pytest.raises(CirqueError, match=r"phi\.json: (describes no φ|altered)"):
        phi.load(tmp_path / "phi.safetensors", CPU)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_released_pic2word_checkpoint_is_read_with_and_without_its_prefix(prefix: str, tmp_path: Path) -> None:
    network = pic2word()
    state = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    others = {"epoch": 30, "name": "run", "state_dict": {"logit_scale": torch.ones(())}, "optimizer": {"state": {}}}
    torch.save({**others, "state_dict_img2text": state}, tmp_path / "pic2word_model.pt")
    loaded = phi.load(tmp_path / "pic2word_model.pt", CPU)
    x = torch.randn(3, 4)
    assert (loaded.architecture, loaded.dim, loaded.token_dim) == ("pic2word", 4, 6)
    assert torch.equal(loaded(x), network.eval()(x))


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
    with pytest.raises(CirqueError, match=r"cut short or altered|could not be read"):
        phi.load(path, CPU)


@pytest.mark.parametrize(
    "tensors",
    [
        {"weight": torch.zeros(3)},
        {"fc_out.weight": torch.zeros(2, 2)},
        {**pic2word().state_dict(), "layers.1.0.weight": torch.zeros(5, 4)},
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
