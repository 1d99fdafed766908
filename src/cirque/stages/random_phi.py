"""Write a mapping network φ with random weights, for rehearsals."""

from pathlib import Path

from cirque.encoders import backbones
from cirque.networks import phi
from cirque.store import files


def main(*, weights: Path, dropout: float, seed: int, output: Path) -> None:
    """Write φ as it is before any training.

    Args:
        weights: Weights of the backbone that φ is for; only their description is read.
        dropout: Dropout after each hidden layer.
        seed: Seed of the weights.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
    """
    described = files.read_json(backbones.side_car(weights))
    config = described["config"]
    network = phi.initial(config["embed_dim"], config["text_cfg"]["width"], dropout, seed)
    phi.save(output, network, {"source": "random", "backbone": described["model"], "seed": seed})
