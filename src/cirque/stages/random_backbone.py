"""Write random weights of any open_clip model, at its real size: for rehearsals and tests."""

from pathlib import Path

import torch

from cirque.encoders import backbones


def main(*, model: str, seed: int, weights: Path, model_configs: Path | None = None) -> None:
    """Draw the weights of a model and write them with their side-car.

    Args:
        model: Name of the open_clip model.
        seed: Of the weights.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        model_configs: Folder of the project's own open_clip configurations.
    """
    config = backbones.read_config(model, model_configs)
    torch.manual_seed(seed)
    backbones.save(backbones.create(model, config), weights, name=model, config=config, source="random")
