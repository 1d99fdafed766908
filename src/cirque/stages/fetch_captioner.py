"""Fetch a pretrained captioner through open_clip and keep it as safetensors."""

import os
from pathlib import Path


def main(*, model: str, tag: str, weights: Path, cache: Path | None = None) -> None:
    """Download the weights of a CoCa and write them with their side-car.

    Args:
        model: Name of the open_clip model, for example coca_ViT-B-32.
        tag: open_clip's tag of the weights, for example laion2b_s13b_b90k.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        cache: Folder for the downloaded file; open_clip's own if not given.
    """
    os.environ["HF_HUB_OFFLINE"] = "0"  # this stage may ask a hub; read when its library is imported
    from cirque.encoders import coca  # noqa: PLC0415

    coca.fetch(model, tag, weights, cache)
