import torch

from cirque.networks import phi
from cirque.store import files
from tests import small_searle
from tests.stages.network_stage import outputs, stage_of


def test_a_random_network_fits_its_backbone_and_depends_on_the_seed_alone(tmp_path):
    from cirque.trainers.random import Settings  # noqa: PLC0415

    weights = small_searle.write_backbone(tmp_path)
    made = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        stage_of("random")(
            weights=weights, settings=Settings(0.5), seed=seed, threads=1, device="cpu", **outputs(tmp_path / name)
        )
        made[name] = (tmp_path / name / "phi.safetensors").read_bytes()
    assert made["one"] == made["again"] != made["other"]
    network = phi.load(tmp_path / "one/phi.safetensors", torch.device("cpu"))
    assert (network.dim, network.token_dim) == (small_searle.DIM, small_searle.TOKEN_DIM)
    assert phi.read_side_car(tmp_path / "one/phi.safetensors")["source"] == "random"
    assert files.read_table(tmp_path / "one/training.parquet").num_rows == 0
