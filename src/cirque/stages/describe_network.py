"""State the layers of Pic2Word's mapping network φ at a backbone's sizes."""

from pathlib import Path

from cirque.encoders import backbones
from cirque.facts import rows as facts
from cirque.networks import phi, phi_layers
from cirque.store import files, schemas


def main(
    *,
    weights: Path,
    backbone: str,
    architecture: phi.Pic2WordArchitecture,
    n_layers: int,
    middle_dim: int,
    dropout: float,
    output: Path,
) -> None:
    """Write the sizes of each layer (schemas.FACTS), read off the network that training starts from.

    Args:
        weights: Weights of the backbone that φ is for; only their description is read.
        backbone: As configured.
        architecture: pic2word, or linear without its ReLUs.
        n_layers: Hidden layers.
        middle_dim: Width of the hidden layers.
        dropout: Dropout of each hidden layer.
        output: Parquet file to write.
    """
    config = files.read_json(backbones.side_car(weights))["config"]
    network = phi.initial_pic2word(
        config["embed_dim"],
        config["text_cfg"]["width"],
        dropout,
        seed=0,
        n_layers=n_layers,
        middle_dim=middle_dim,
        architecture=architecture,
    )
    rows = [facts.fact(metric, value, row=row, backbone=backbone) for row, metric, value in phi_layers.layers(network)]
    files.write_rows(output, rows, schemas.FACTS)
