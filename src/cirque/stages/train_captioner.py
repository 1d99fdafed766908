"""Train a mini captioner from scratch on captioned images."""

import shutil
from dataclasses import asdict
from pathlib import Path

import torch

from cirque import devices, precisions
from cirque.encoders import backbones, coca
from cirque.encoders.imported import open_clip
from cirque.progress import say
from cirque.stages.train_backbone import read_captioned
from cirque.store import provenance
from cirque.trainers import clip as clip_training
from cirque.trainers import coca as coca_training


def main(
    *,
    captions: Path,
    model: str,
    model_configs: Path,
    settings: coca_training.Settings,
    seed: int,
    work: Path,
    weights: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.WeightPrecision = "fp32",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write a CoCa trained on image-caption pairs and its side-car; a training that was cut off goes on.

    Args:
        captions: Tar of KEY.png and KEY.txt.
        model: Name of the open_clip model, one of the project's own.
        model_configs: Folder of the project's open_clip configurations.
        settings: How to train.
        seed: Of the first weights, the order of images and the choice of captions.
        work: Folder for the state of an unfinished training; removed at the end.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        threads: Threads of torch.
        device: auto, cpu or cuda.
        precision: What products are computed in.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    place = devices.prepare(threads, device, precision)
    config = coca.read_config(model, model_configs)
    torch.manual_seed(seed)
    network = coca.build(model, config)
    data = read_captioned(captions, coca.sizes(config).image_size)
    say(f"{model}: {sum(w.numel() for w in network.parameters()):,} parameters, {len(data.captions):,} images")
    own = provenance.fingerprint(
        "train_captioner",
        inputs=[captions],
        model=config,
        settings=asdict(settings),
        seed=seed,
        device=place.type,
    )
    tokenizer = open_clip.SimpleTokenizer(context_length=network.context_length)
    state = work / f"{own}.safetensors"
    run = clip_training.Run(seed, place, coca.MEAN, coca.STD, state, seconds_between_saves)
    coca_training.train(network, tokenizer, data, settings, run)
    backbones.save(network, weights, encoder="coca", name=model, config=config, source="trained", seed=seed)
    shutil.rmtree(work, ignore_errors=True)
