"""The layers of Pic2Word's mapping network φ at a backbone's sizes, read off the network that training starts from."""

from pathlib import Path
from typing import Any

from cirque.encoders import backbones
from cirque.facts import phi_layers
from cirque.facts.rows import fact
from cirque.networks import phi


def state(
    *,
    weights: Path,
    backbone: str,
    architecture: phi.Pic2WordArchitecture,
    n_layers: int,
    middle_dim: int,
    dropout: float,
) -> list[dict[str, Any]]:
    """Sizes of each layer.

    Args:
        weights: Weights of the backbone that φ is for; only their description is read.
        backbone: As configured.
        architecture: pic2word, or linear without its ReLUs.
        n_layers: Hidden layers.
        middle_dim: Width of the hidden layers.
        dropout: Dropout of each hidden layer.
    """
    network = phi.initial_pic2word(
        *backbones.text_sizes(weights, "φ"),
        dropout,
        seed=0,
        n_layers=n_layers,
        middle_dim=middle_dim,
        architecture=architecture,
    )
    return [fact(metric, value, row=row, backbone=backbone) for row, metric, value in phi_layers.layers(network)]
