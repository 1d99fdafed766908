"""Train a mini captioner from scratch on captioned images."""

from pathlib import Path

import open_clip
import torch

from cirque import backbones, captioners, devices
from cirque.mini import captioner
from cirque.progress import say
from cirque.stages.train_backbone import read_captioned


def main(
    *,
    captions: Path,
    model: str,
    model_configs: Path,
    settings: captioner.Settings,
    seed: int,
    weights: Path,
    threads: int = 1,
    device: str = "auto",
) -> None:
    """Train a CoCa on image-caption pairs and write its weights and their side-car.

    Args:
        captions: Tar of KEY.png and KEY.txt.
        model: Name of the open_clip model, one of the project's own.
        model_configs: Folder of the project's open_clip configurations.
        settings: How to train.
        seed: Of the first weights, the order of images and the choice of captions.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        threads: Threads of torch.
        device: auto, cpu or cuda.
    """
    place = devices.prepare(threads, device)
    config = backbones.read_config(model, model_configs)
    torch.manual_seed(seed)
    coca = captioners.create(model, config)
    data = read_captioned(captions, backbones.image_size(config))
    say(f"{model}: {sum(w.numel() for w in coca.parameters()):,} parameters, {len(data.images):,} images")
    captioner.train(
        coca,
        open_clip.SimpleTokenizer(context_length=coca.context_length),
        data,
        settings,
        seed=seed,
        device=place,
        mean=backbones.MEAN,
        std=backbones.STD,
    )
    backbones.save(coca, weights, name=model, config=config, source="trained")
