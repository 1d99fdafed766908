"""State what the two towers of a backbone cost, and measure how fast they are on this machine."""

from pathlib import Path

import numpy as np
import torch

from cirque import devices
from cirque.encoders import backbones, extraction, text, towers
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.facts import rows as facts
from cirque.progress import progress, say
from cirque.store import files, schemas

#: Captions that the throughput of the text tower is measured on.
TEXTS = 1024


def main(
    *,
    weights: Path,
    captions: list[Path],
    backbone: str,
    seconds: float,
    output: Path,
    threads: int,
    device: str = "auto",
) -> None:
    """Write layers, width, tokens and throughput of both towers (schemas.FACTS).

    The throughput is of this machine at fp32, on texts as long as they are; it differs from run to run.

    Args:
        weights: Weights of the backbone.
        captions: Captions of the corpus, all parts, as of tag_captions.
        backbone: As configured.
        seconds: To measure each tower for.
        output: Parquet file to write.
        threads: Threads for torch.
        device: auto, cpu or cuda.
    """
    where = devices.prepare(threads, device)
    config = files.read_json(backbones.side_car(weights))["config"]
    loaded = backbones.load(weights, where)
    n_tokens, texts = _count(loaded, captions)
    figures = {
        towers.VISUAL: {
            **towers.shape(towers.VISUAL, config, backbone),
            "tokens": towers.patches(config, backbone),
            "images_per_s_here": _image_throughput(loaded, where, seconds),
        },
        towers.TEXTUAL: {
            **towers.shape(towers.TEXTUAL, config, backbone),
            "tokens": n_tokens,
            "texts_per_s_here": _text_throughput(loaded, texts, seconds),
        },
    }
    rows = [
        facts.fact(metric, value, dataset=towers.DATASETS[tower], subset=tower, row=towers.ROW, backbone=backbone)
        for tower, of_tower in figures.items()
        for metric, value in of_tower.items()
    ]
    files.write_rows(output, rows, schemas.FACTS)
    for tower, of_tower in figures.items():
        say(f"{backbone}, {tower}: " + ", ".join(f"{metric} {value:,.6g}" for metric, value in of_tower.items()))


def _count(backbone: Backbone, captions: list[Path]) -> tuple[float, list[str]]:
    """Mean tokens of a caption over the whole corpus, and its first captions."""
    n_captions = n_tokens = 0
    first: list[str] = []
    for path in progress(captions, what="tokens", unit="part"):
        of_part = files.read_table(path, ["caption"])["caption"].to_pylist()
        n_tokens += towers.count_tokens(backbone, of_part)
        n_captions += len(of_part)
        first += of_part[: TEXTS - len(first)]
    if not n_captions:
        raise CirqueError(f"{', '.join(map(str, captions))}: no caption; tokens of none have no mean")
    return n_tokens / n_captions, first


def _image_throughput(backbone: Backbone, device: torch.device, seconds: float) -> float:
    """Images a second, from pixels to features."""
    encode = extraction.encoder(backbone.encode_image, backbone.mean, backbone.std, device)
    pixels = np.zeros((extraction.BATCH[device.type], backbone.image_size, backbone.image_size, 3), dtype=np.uint8)
    return towers.throughput(lambda: encode(pixels), len(pixels), seconds)


def _text_throughput(backbone: Backbone, texts: list[str], seconds: float) -> float:
    """Texts a second, from ids to features."""
    ids = text.tokenize(backbone, texts, truncate=True)
    with torch.inference_mode():
        return towers.throughput(lambda: text.encode(backbone, ids).cpu(), len(ids), seconds)
