"""Train the mapping network φ on the tokens that inversion found."""

from dataclasses import asdict
from pathlib import Path

import torch

from cirque import devices
from cirque.encoders import backbones
from cirque.store import provenance, vectors
from cirque.texts import concepts as association
from cirque.texts import phrase_pool
from cirque.trainers import searle as phi_training
from cirque.training import record as phi_record


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
        concepts: Nearest concepts of its images; these and the phrases are read unless lambda_gpt is 0.
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
    inputs, regulariser, cycle = [*features, *tokens], None, None
    if settings.lambda_gpt or settings.loss == "cycle":
        inputs.append(weights)
        backbone = backbones.load(weights, where)
        if settings.loss == "cycle":
            cycle = phi_training.CycleLoss(backbone, settings.temperature)
        if settings.lambda_gpt:
            inputs += [concepts, *phrases, *phrase_features]
            nearest = association.read_nearest(concepts, examples.image_ids, settings.n_concepts)
            pool = phrase_pool.load(phrases, phrase_features, {name for names in nearest for name in names})
            pool = phrase_pool.without_cut_placeholders(pool, backbone, settings.replace)
            regulariser = phi_training.PhraseRegulariser(
                backbone, pool, examples.image_ids, nearest, settings=settings, seed=seed
            )
    own = provenance.fingerprint("train_phi", inputs, settings=asdict(settings), seed=seed, device=where.type)
    network, log = phi_training.train(
        examples,
        regulariser,
        settings,
        cycle=cycle,
        seed=seed,
        state_path=work / f"{own}.safetensors",
        seconds_between_saves=seconds_between_saves,
    )
    phi_record.keep(
        network,
        log,
        phi_training.LOSSES,
        weights=weights,
        seed=seed,
        settings=asdict(settings),
        told={"n_images": len(examples.image_ids)},
        output=output,
        training_log=training_log,
        work=work,
    )


def _examples(features: list[Path], tokens: list[Path], device: torch.device) -> phi_training.Examples:
    """Every image that has a token, with its feature."""
    image_ids, found = vectors.read(tokens, "image_id", "token")
    images = vectors.take(*vectors.read(features, "image_id", "feature"), image_ids, "token", "image feature")
    return phi_training.Examples(image_ids, torch.from_numpy(images).to(device), torch.from_numpy(found).to(device))
