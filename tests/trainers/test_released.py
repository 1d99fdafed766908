"""φ as its authors released it."""

from pathlib import Path

import pytest
import torch

from cirque.errors import CirqueError
from cirque.networks import combiner, phi
from cirque.store import provenance
from cirque.trainers import released
from tests import small_searle

CPU = torch.device("cpu")
DIM, TOKEN_DIM = small_searle.DIM, small_searle.TOKEN_DIM


def checkpoint(folder: Path, kind: str) -> tuple[Path, phi.Phi]:
    """A checkpoint in the form of its authors' release."""
    path = folder / f"{kind}.pt"
    if kind == "pic2word":
        network: phi.Phi = phi.Pic2WordPhi(
            DIM, TOKEN_DIM, middle_dim=12, n_layers=2, dropout=0.0, architecture="pic2word"
        )
        state = {f"module.{name}": value for name, value in network.state_dict().items()}
        torch.save({"epoch": 29, "name": "x", "state_dict": {}, "state_dict_img2text": state}, path)
    else:
        network = phi.initial(DIM, TOKEN_DIM, 0.5, 0)
        torch.save({"epoch": 20, "Phi": network.half().state_dict()}, path)
        network = network.float()
    return path, network.eval()


def prepared(folder: Path, path: Path, sha256: str) -> phi.Phi:
    weights = small_searle.write_backbone(folder)
    training = released.prepare(
        checkpoint=path, weights=weights, settings=released.Settings(sha256), seed=0, device=CPU
    )
    assert training.n_steps == 0
    assert isinstance(training.network, phi.Phi)
    return training.network


@pytest.mark.parametrize("kind", ["searle", "lincir_large", "pic2word"])
def test_a_released_checkpoint_gives_its_own_tokens(tmp_path: Path, kind: str) -> None:
    path, network = checkpoint(tmp_path, kind)
    found = prepared(tmp_path, path, provenance.sha256(path)).eval()
    x = torch.randn(3, DIM)
    assert torch.equal(found(x), network(x))


def test_another_file_than_the_one_that_is_meant_is_refused_with_both_checksums(tmp_path: Path) -> None:
    path, _ = checkpoint(tmp_path, "searle")
    with pytest.raises(CirqueError, match=rf"has the sha256 {provenance.sha256(path)} instead of {'0' * 64}"):
        prepared(tmp_path, path, "0" * 64)


def test_a_checkpoint_for_another_backbone_is_refused_with_its_sizes(tmp_path: Path) -> None:
    path = tmp_path / "searle.pt"
    torch.save({"epoch": 1, "Phi": phi.initial(6, 7, 0.5, 0).state_dict()}, path)
    with pytest.raises(CirqueError, match=r"6 dimensions to tokens of 7, but the backbone .* has 8 and 16"):
        prepared(tmp_path, path, provenance.sha256(path))


def test_a_released_combiner_is_known_by_its_content_and_held_against_the_backbone(tmp_path: Path) -> None:
    path, weights = tmp_path / "combiner_arithmetic.pt", small_searle.write_backbone(tmp_path)
    for dim in (DIM, DIM + 1):
        network = combiner.initial(dim, 9, 11, 0.5, 0).eval()
        torch.save({"epoch": 7, "Combiner": network.state_dict()}, path)
        settings = released.Settings(provenance.sha256(path))
        given = {"checkpoint": path, "weights": weights, "settings": settings, "seed": 0, "device": CPU}
        if dim == DIM:
            found = released.prepare(**given)
            assert (found.n_steps, found.metadata([])["source"]) == (0, "released")
            pair = torch.randn(2, 3, DIM)
            assert torch.equal(found.network.eval()(*pair), network(*pair))
        else:
            with pytest.raises(CirqueError, match=r"combines features of 9 dimensions, but the backbone .* has 8"):
                released.prepare(**given)
