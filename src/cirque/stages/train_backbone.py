"""Train a mini backbone from scratch on captioned images."""

import io
import shutil
import tarfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cirque import devices, encoders, precisions
from cirque.encoders import backbones
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import provenance
from cirque.trainers import clip as clip_training

#: A whole tar ends with so many zero bytes.
TAR_END = 1024

#: Captions of an image in one step.
TEXTS_PER_IMAGE = 1


def read_captioned(tar: Path, size: int) -> clip_training.Captioned:
    """Every image of a tar, decoded, and its captions: pairs KEY.png and KEY.txt with one caption a line.

    Raises:
        CirqueError: the tar is cut short, an image lacks its captions, or an image has another size than the model.
    """
    provenance.read(tar)
    if not tar.is_file():
        raise CirqueError(f"{tar}: no such file; ask Snakemake for it")
    if any(tar.read_bytes()[-TAR_END:]) or tar.stat().st_size < TAR_END:  # tarfile takes a cut tar for a shorter one
        raise CirqueError(f"{tar}: cut short; delete it and run Snakemake again, which makes it anew")
    images: dict[str, np.ndarray] = {}
    captions: dict[str, list[str]] = {}
    try:
        with tarfile.open(tar) as members:
            for member in members:
                stream = members.extractfile(member)
                if stream is None:
                    continue
                key, _, extension = member.name.rpartition(".")
                if extension == "txt":
                    captions[key] = stream.read().decode().splitlines()
                else:
                    images[key] = np.asarray(Image.open(io.BytesIO(stream.read())).convert("RGB"))
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise CirqueError(
            f"{tar}: not a whole tar of images and captions ({error}); delete it and make it anew"
        ) from error
    for key, image in images.items():
        if not captions.get(key):
            raise CirqueError(f"{tar}: {key} has an image and no caption")
        if image.shape != (size, size, 3):
            raise CirqueError(
                f"{tar}: {key} is {image.shape[1]} × {image.shape[0]} pixels, the model takes {size} × {size}; set"
                " world.image_size to that"
            )
    if not images:
        raise CirqueError(f"{tar}: holds no image")
    return clip_training.Captioned.in_memory(np.stack(list(images.values())), [captions[key] for key in images])


def main(
    *,
    captions: Path,
    model: str,
    encoder: str = "clip",
    model_configs: Path,
    settings: clip_training.Settings,
    seed: int,
    work: Path,
    weights: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.WeightPrecision = "fp32",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write a model trained on image-caption pairs and its side-car; a training that was cut off goes on.

    Args:
        captions: Tar of KEY.png and KEY.txt.
        model: Name of the model, one of the project's own.
        encoder: Kind of the model: a module of cirque.encoders that reads texts.
        model_configs: Folder of the project's configurations of models.
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
    kind = encoders.load(encoder)
    config = kind.read_config(model, model_configs)
    torch.manual_seed(seed)
    network = kind.build(model, config)
    data = read_captioned(captions, kind.sizes(config).image_size)
    say(f"{model}: {sum(w.numel() for w in network.parameters()):,} parameters, {len(data.captions):,} images")
    own = provenance.fingerprint(
        "train_backbone",
        inputs=[captions],
        model=config,
        settings=asdict(settings),
        seed=seed,
        device=place.type,
    )
    state = work / f"{own}.safetensors"
    clip_training.train(
        network,
        backbones.text_reader(encoder, config),
        data,
        settings,
        clip_training.Run(seed, place, kind.MEAN, kind.STD, state, seconds_between_saves),
        texts_per_image=TEXTS_PER_IMAGE,
    )
    backbones.save(network, weights, encoder=encoder, name=model, config=config, source="trained", seed=seed)
    shutil.rmtree(work, ignore_errors=True)
