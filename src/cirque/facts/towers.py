"""What the two towers of a backbone cost, and how fast they are on this machine (LinCIR Table 2)."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cirque.encoders import backbones, extraction, text
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.facts import tower_costs
from cirque.facts.rows import fact
from cirque.progress import progress, say
from cirque.store import files

#: Captions that the throughput of the text tower is measured on.
TEXTS = 1024


def state(
    *, weights: Path, captions: list[Path], backbone: str, seconds: float, device: torch.device
) -> list[dict[str, Any]]:
    """Layers, width, tokens and throughput of both towers.

    The throughput is of this machine at fp32, on texts as long as they are; it differs from run to run.

    Args:
        weights: Weights of the backbone.
        captions: Captions of the corpus, all parts, as of tag_captions.
        backbone: As configured.
        seconds: To measure each tower for.
        device: Where to compute.
    """
    config = files.read_json(backbones.side_car(weights))["config"]
    loaded = backbones.load(weights, device)
    n_tokens, texts = _count(loaded, captions)
    figures = {
        tower_costs.VISUAL: {
            **tower_costs.shape(tower_costs.VISUAL, config, backbone),
            "tokens": tower_costs.patches(config, backbone),
            "images_per_s_here": _image_throughput(loaded, device, seconds),
        },
        tower_costs.TEXTUAL: {
            **tower_costs.shape(tower_costs.TEXTUAL, config, backbone),
            "tokens": n_tokens,
            "texts_per_s_here": _text_throughput(loaded, texts, seconds),
        },
    }
    rows = [
        fact(metric, value, dataset=tower_costs.DATASETS[tower], subset=tower, row=tower_costs.ROW, backbone=backbone)
        for tower, of_tower in figures.items()
        for metric, value in of_tower.items()
    ]
    for tower, of_tower in figures.items():
        say(f"{backbone}, {tower}: " + ", ".join(f"{metric} {value:,.6g}" for metric, value in of_tower.items()))
    return rows


def _count(backbone: Backbone, captions: list[Path]) -> tuple[float, list[str]]:
    """Mean tokens of a caption over the whole corpus, and its first captions."""
    n_captions = n_tokens = 0
    first: list[str] = []
    for path in progress(captions, what="tokens", unit="part"):
        of_part = files.read_table(path, ["caption"])["caption"].to_pylist()
        n_tokens += tower_costs.count_tokens(backbone, of_part)
        n_captions += len(of_part)
        first += of_part[: TEXTS - len(first)]
    if not n_captions:
        raise CirqueError(f"{', '.join(map(str, captions))}: no caption; tokens of none have no mean")
    return n_tokens / n_captions, first


def _image_throughput(backbone: Backbone, device: torch.device, seconds: float) -> float:
    """Images a second, from pixels to features."""
    encode = extraction.encoder(backbone.encode_image, backbone.mean, backbone.std, device)
    pixels = np.zeros((extraction.BATCH[device.type], backbone.image_size, backbone.image_size, 3), dtype=np.uint8)
    return tower_costs.throughput(lambda: encode(pixels), len(pixels), seconds)


def _text_throughput(backbone: Backbone, texts: list[str], seconds: float) -> float:
    """Texts a second, from ids to features."""
    ids = text.tokenize(backbone, texts, truncate=True)
    with torch.inference_mode():
        return tower_costs.throughput(lambda: text.encode(backbone, ids).cpu(), len(ids), seconds)
