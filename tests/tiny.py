"""Tiny stand-ins that several tests build: pictures on disk and a vision tower that takes milliseconds."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: An open_clip configuration of a few thousand weights.
CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


def save_pictures(root: Path, folder: str, names: list[str], seed: int = 0) -> None:
    """Random pictures of different sizes as PNG under `root/folder/NAME.png`."""
    draw = np.random.default_rng(seed)
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        height, width = draw.integers(20, 90, 2)
        pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / folder / f"{name}.png")


def save_weights(path: Path, seed: int = 0) -> None:
    """Random weights of `CONFIG` with their side-car."""
    import torch  # noqa: PLC0415  (tests of tables do without)

    from cirque.encoders import backbones, clip  # noqa: PLC0415

    torch.manual_seed(seed)
    backbones.save(
        clip.build("tiny", CONFIG), path, encoder="clip", name="tiny", config=CONFIG, source="random", seed=seed
    )
