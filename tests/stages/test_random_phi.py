from pathlib import Path

import torch

from cirque.networks import phi
from cirque.stages import random_phi
from tests import small_searle


def test_a_random_phi_fits_its_backbone_and_depends_on_the_seed_alone(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    states = []
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        random_phi.main(weights=weights, dropout=0.5, seed=seed, output=tmp_path / name / "phi.safetensors")
        states.append((tmp_path / name / "phi.safetensors").read_bytes())
    assert states[0] == states[1] != states[2]
    network = phi.load(tmp_path / "one" / "phi.safetensors", torch.device("cpu"))
    assert (network.dim, network.token_dim) == (small_searle.DIM, small_searle.TOKEN_DIM)
    told = phi.read_side_car(tmp_path / "one" / "phi.safetensors")
    assert (told["source"], told["backbone"], told["seed"]) == ("random", "small", 3)
