"""Weights and checkpoints: safetensors, torch.save, OpenAI's archives, what unfinished jobs keep, side-cars."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from cirque.encoders import backbones, released_files
from cirque.networks import phi
from cirque.store import tensors
from tests import tiny
from tests.fuzz import mutations
from tests.fuzz.harness import Target

_CPU = torch.device("cpu")


def _saved(value: Any, *, old: bool = False) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=not old)
    return out.getvalue()


def _pic2word() -> phi.Pic2WordPhi:
    return phi.initial_pic2word(4, 3, 0.0, 0, n_layers=1, middle_dim=5)


def _checkpoints(folder: Path) -> list[bytes]:
    searle = phi.initial(4, 3, 0.0, seed=0).state_dict()
    pic2word = _pic2word().state_dict()
    wrapped = {f"module.{name}": value for name, value in pic2word.items()}
    return [
        _saved({phi.SEARLE_KEY: searle}),
        _saved({phi.PIC2WORD_KEY: wrapped, "epoch": 3}),
        _saved({phi.SEARLE_KEY: searle}, old=True),
    ]


def _weights(folder: Path) -> list[bytes]:
    return [save(phi.initial(4, 3, 0.0, seed=0).state_dict()), save(_pic2word().state_dict())]


def _load_phi(file: Path) -> None:
    network = phi.load(file, _CPU)
    assert network(torch.zeros(2, network.dim)).shape == (2, network.token_dim)


class _Tower(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3, 2))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels @ self.weight


def _releases(folder: Path) -> list[bytes]:
    state = _Tower().state_dict()
    script = folder / "script"
    torch.jit.save(torch.jit.script(_Tower()), script)  # as OpenAI's archives are
    archive = script.read_bytes()
    script.unlink()
    return [save(state), _saved({"state_dict": state}), _saved(state), archive]


def _take_release(file: Path) -> None:
    state = released_files.state(file)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def _kept(folder: Path) -> list[bytes]:
    tensors.save(folder / "state.safetensors", {"tokens": torch.ones(2, 3), "empty": torch.zeros(0)}, {"step": 7})
    return [(folder / "state.safetensors").read_bytes()]


def _resume(file: Path) -> None:
    stored, facts = tensors.load(file)
    assert stored["tokens"].tolist() == torch.ones(2, 3).tolist()
    assert facts == {"step": 7}


def _side_cars(folder: Path) -> list[bytes]:
    tiny.save_weights(folder / "weights.safetensors")
    (folder / "weights.safetensors.run.json").unlink(missing_ok=True)
    return [(folder / "weights.json").read_bytes()]


def _load_backbone(file: Path) -> None:
    weights = file.with_suffix(".safetensors")
    assert dataclasses.asdict(backbones.sizes(weights))
    backbones.load_images(weights, _CPU)


def _phi_side_cars(folder: Path) -> list[bytes]:
    phi.save(folder / "phi.safetensors", phi.initial(4, 3, 0.0, seed=0), {"steps": 1})
    return [json.dumps(phi.read_side_car(folder / "phi.safetensors")).encode()]


TARGETS = [
    Target("phi_checkpoint", "SEARLE.pt", _checkpoints, _load_phi, mutations.of_zip()),
    Target("phi_weights", "phi.safetensors", _weights, _load_phi, mutations.of_safetensors),
    Target(
        "phi_side_car",
        "phi.json",
        _phi_side_cars,
        lambda file: phi.load(file.with_suffix(".safetensors"), _CPU),
        mutations.of_json,
    ),
    Target("release", "ViT-B-32.pt", _releases, _take_release, mutations.of_zip()),
    Target("job_state", "state.safetensors", _kept, _resume, mutations.of_safetensors),
    Target("side_car", "weights.json", _side_cars, _load_backbone, mutations.of_json),
]
