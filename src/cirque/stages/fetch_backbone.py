"""Fetch released weights, for CLIP through open_clip, and keep them as safetensors."""

import os
from pathlib import Path
from typing import Any

from cirque import encoders
from cirque.errors import CirqueError
from cirque.families import ENCODERS


def main(*, model: str, encoder: str = "clip", tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download the weights of a model and write them with their side-car.

    Args:
        model: Name of the model, for example ViT-B-32-quickgelu.
        encoder: Kind of the model: a module of cirque.encoders.
        tag: Tag of the weights, for example openai.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        cache: Folder for the downloaded file; the library's own if not given.
    """
    os.environ["HF_HUB_OFFLINE"] = "0"  # the one stage that may ask a hub; read when its library is imported
    definition: Any = encoders.load(encoder)
    if not hasattr(definition, "fetch"):
        raise CirqueError(
            f"encoder {encoder}: has no released weights (no function fetch in {ENCODERS.module(encoder)}); give"
            " the backbone another source, such as random"
        )
    definition.fetch(model, tag, weights, cache)
