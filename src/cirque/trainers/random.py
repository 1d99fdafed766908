"""φ with random weights, as SEARLE's is before any training: for rehearsals of what comes after it."""

from dataclasses import dataclass
from pathlib import Path

import torch

from cirque.encoders import backbones
from cirque.networks import phi
from cirque.training.loop import Training


@dataclass(frozen=True)
class Settings:
    """Of the network."""

    dropout: float  # after each hidden layer


def prepare(*, weights: Path, settings: Settings, seed: int, device: torch.device) -> Training:
    """No step of training: φ as it is initially.

    Args:
        weights: Weights of the backbone that φ is for; only their description is read.
        settings: Of the network.
        seed: Seed of the weights.
        device: Where φ is made.
    """
    network = phi.initial(*backbones.text_sizes(weights, "φ"), settings.dropout, seed).to(device)
    return Training(
        network,
        torch.optim.SGD(network.parameters()),
        losses=(),
        n_steps=0,
        per_epoch=1,
        batch=lambda step: None,
        loss=lambda batch, step: {},
        seed=seed,
        metadata=lambda log: {"source": "random"},
    )
