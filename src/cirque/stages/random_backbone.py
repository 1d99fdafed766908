"""Write random weights of a model, at its real size: for rehearsals and tests."""

from pathlib import Path

import torch

from cirque import encoders
from cirque.encoders import backbones


def main(*, model: str, encoder: str = "clip", seed: int, weights: Path, model_configs: Path | None = None) -> None:
    """Draw the weights of a model and write them with their side-car.

    Args:
        model: Name of the model, for CLIP open_clip's.
        encoder: Kind of the model: a module of cirque.encoders.
        seed: Of the weights.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        model_configs: Folder of the project's own configurations of models.
    """
    definition = encoders.load(encoder)
    config = definition.read_config(model, model_configs)
    torch.manual_seed(seed)
    network = definition.build(model, config)
    backbones.save(network, weights, encoder=encoder, name=model, config=config, source="random", seed=seed)
