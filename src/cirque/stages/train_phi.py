"""Train the mapping network φ on the tokens that inversion found."""

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cirque import backbones, devices, files, phi, phi_training, phrase_pool, provenance, schemas, vectors
from cirque.errors import CirqueError


def main(
    *,
    features: list[Path],
    tokens: list[Path],
    concepts: Path,
    phrases: list[Path],
    phrase_features: list[Path],
    weights: Path,
    settings: phi_training.Settings,
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
        features: Feature files of the image set.
        tokens: Token files of the same image set, by inversion.
        concepts: Nearest concepts of its images.
        phrases: Phrases of all parts of the vocabulary.
        phrase_features: Their features, in the same order.
        weights: Weights of the backbone.
        settings: Losses and optimisation.
        seed: Seed of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean losses of each epoch.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    where = devices.prepare(threads, device)
    examples = _examples(features, tokens, where)
    inputs, regulariser = [*features, *tokens], None
    if settings.lambda_gpt:
        inputs += [concepts, *phrases, *phrase_features, weights]
        nearest = _nearest(concepts, examples.image_ids, settings.n_concepts)
        regulariser = phi_training.PhraseRegulariser(
            backbones.load(weights, where),
            phrase_pool.load(phrases, phrase_features, {name for names in nearest for name in names}),
            examples.image_ids,
            nearest,
            settings=settings,
            seed=seed,
        )
    network, log = phi_training.train(
        examples,
        regulariser,
        settings,
        seed=seed,
        state_path=work / f"{_fingerprint(settings, seed, inputs, where)}.safetensors",
        seconds_between_saves=seconds_between_saves,
    )
    files.write_rows(training_log, log, schemas.TRAINING)
    record = {
        "source": "trained",
        "backbone": files.read_json(backbones.side_car(weights))["model"],
        "seed": seed,
        "n_images": len(examples.image_ids),
        "settings": asdict(settings),
        "final_losses": {row["loss"]: row["value"] for row in log[-len(phi_training.LOSSES) :]},
    }
    phi.save(output, network, record)
    shutil.rmtree(work, ignore_errors=True)


def _examples(features: list[Path], tokens: list[Path], device: torch.device) -> phi_training.Examples:
    """Every image that has a token, with its feature."""
    image_ids, found = vectors.read(tokens, "image_id", "token")
    images = vectors.take(*vectors.read(features, "image_id", "feature"), image_ids, "token", "image feature")
    return phi_training.Examples(image_ids, torch.from_numpy(images).to(device), torch.from_numpy(found).to(device))


def _nearest(path: Path, image_ids: list[str], n_concepts: int) -> list[list[str]]:
    """The first concepts of the images, in the images' order."""
    table = files.read_table(path, ["image_id", "concepts"])
    rows = {image_id: row for row, image_id in enumerate(table["image_id"].to_pylist())}
    missing = [image_id for image_id in image_ids if image_id not in rows]
    if missing:
        raise CirqueError(f"{path}: {len(missing)} images with a token have no concepts (first: {missing[0]})")
    found = table["concepts"].take([rows[image_id] for image_id in image_ids]).to_pylist()
    return [names[:n_concepts] for names in found]


def _fingerprint(settings: phi_training.Settings, seed: int, inputs: list[Path], device: torch.device) -> str:
    """Sixteen digits that change when the result may: a saved state is taken up only by the same training."""
    told: dict[str, Any] = {
        "settings": asdict(settings),
        "seed": seed,
        "inputs": [provenance.sha256(path) for path in inputs],
        "code": provenance.code_version("train_phi"),
        "libraries": provenance.library_versions(),
        "device": device.type,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
