"""Train Pic2Word's mapping network φ on the features of an image set."""

from dataclasses import asdict
from pathlib import Path

import torch

from cirque import devices
from cirque.encoders import backbones
from cirque.encoders import features as image_features
from cirque.progress import say
from cirque.store import provenance
from cirque.trainers import pic2word as pic2word_training
from cirque.training import record as phi_record

#: The release reads a random crop (scale 0.9–1) of each image in each epoch; this trains on one feature an image.
VIEWS = "cached"


def main(
    *,
    features: list[Path],
    weights: Path,
    settings: pic2word_training.Settings,
    seed: int,
    work: Path,
    output: Path,
    training_log: Path,
    threads: int,
    device: str = "auto",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write φ and the losses of its training; a training that was cut off goes on from its last saved step.

    Args:
        features: Feature files of the image set; images that failed are left out.
        weights: Weights of the backbone.
        settings: Network and optimisation.
        seed: Seed of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean loss of each epoch.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    where = devices.prepare(threads, device)
    image_ids, array = image_features.load_features(features)
    n_failed = len(image_features.failures(features))
    say(f"φ: {len(image_ids) + n_failed} images, {n_failed} of them failed and left out")
    inputs = [*features, weights]
    own = provenance.fingerprint("train_pic2word", inputs, settings=asdict(settings), seed=seed, device=where.type)
    network, log = pic2word_training.train(
        torch.from_numpy(array).to(where),
        backbones.load(weights, where),
        settings,
        seed=seed,
        state_path=work / f"{own}.safetensors",
        seconds_between_saves=seconds_between_saves,
    )
    phi_record.keep(
        network,
        log,
        pic2word_training.LOSSES,
        weights=weights,
        seed=seed,
        settings=asdict(settings),
        told={"n_images": len(image_ids), "n_failed": n_failed, "views": VIEWS},
        output=output,
        training_log=training_log,
        work=work,
    )
