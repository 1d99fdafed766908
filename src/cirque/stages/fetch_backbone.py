"""Fetch pretrained weights through open_clip and keep them as safetensors."""

import os
from pathlib import Path


def main(*, model: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download the weights of a model and write them with their side-car.

    Args:
        model: Name of the open_clip model, for example ViT-B-32-quickgelu.
        tag: open_clip's tag of the weights, for example openai.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        cache: Folder for the downloaded file; open_clip's own if not given.
    """
    os.environ["HF_HUB_OFFLINE"] = "0"  # the one stage that may ask a hub; read when its library is imported
    from cirque.encoders import backbones  # noqa: PLC0415

    backbones.fetch(model, tag, weights, cache)
