"""Teach a trunk to name the cells of CSS scenes: the mini scale's stand-in for ImageNet weights."""

import shutil
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from cirque import devices, precisions
from cirque.css import release
from cirque.data import shards
from cirque.encoders import backbones, resnet
from cirque.encoders.extraction import decode_all
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.trainers import trunk as trunk_training
from cirque.training.loop import fit


def main(
    *,
    model: str,
    model_configs: Path,
    scenes: Path,
    images: list[Path],
    shards_of_sets: list[Path],
    settings: trunk_training.Settings,
    seed: int,
    work: Path,
    weights: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.WeightPrecision = "fp32",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write a trained trunk and its side-car.

    Args:
        model: Name of the trunk, one of the project's own or torchvision's.
        model_configs: Folder of the project's own descriptions.
        scenes: What the pictures show.
        images: images.parquet of each image set of CSS pictures, all of the split train.
        shards_of_sets: Every shard of all these sets.
        settings: How it is taught.
        seed: Of the first weights and the order of images.
        work: Folder for the state of an unfinished training; removed at the end.
        weights: Where to write weights.safetensors; weights.json comes beside it.
        threads: Threads of torch, and as many that decode.
        device: auto, cpu or cuda.
        precision: What products are computed in.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    place = devices.prepare(threads, device, precision)
    config = resnet.read_config(model, model_configs)
    torch.manual_seed(seed)
    network = resnet.build(model, config).to(place)
    shown = trunk_training.classes(release.read(scenes)["train"].images)
    sets = {path.parent.name: (_pixels(path, shards_of_sets, threads), shown) for path in images}
    training = trunk_training.training_of(network, sets, settings, seed, [*images, *shards_of_sets, scenes])
    name = provenance.fingerprint(
        "train_trunk",
        inputs=training.inputs,
        model=config,
        settings=asdict(settings),
        seed=seed,
        device=place.type,
    )
    log = fit(training, work / f"{name}.safetensors", seconds_between_saves)
    say(f"{model}: the last loss is {log[-1]['value']:.3f}")
    metadata = {"settings": asdict(settings), "final_loss": log[-1]["value"]}
    backbones.save(
        network, weights, encoder="resnet", name=model, config=config, source="labelled", seed=seed, metadata=metadata
    )
    shutil.rmtree(work, ignore_errors=True)


def _pixels(images: Path, shards_of_sets: list[Path], threads: int) -> np.ndarray:
    """Pixels of the images of a set, [n, height, width, 3], as they are.

    Raises:
        CirqueError: one does not decode.
    """
    rows = files.read_table(images, schemas.IMAGES.names).to_pylist()
    own = [path for path in shards_of_sets if path.parent.name == images.parent.name]
    samples = chain.from_iterable(shards.read_shard(path, shards.rows_of(rows, int(path.stem), images)) for path in own)
    found = []
    for name, picture in decode_all(samples, "native", 0, threads):
        if isinstance(picture, str):
            raise CirqueError(f"image {name}: {picture}; draw it again")
        found.append(picture)
    return np.stack(found)
