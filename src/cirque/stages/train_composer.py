"""Train a composer: image encoder, text encoder and composition at once; one that was cut off goes on."""

import shutil
from dataclasses import asdict
from pathlib import Path

import torch

from cirque import datasets, devices, draws, precisions
from cirque.compositions.vocabulary import Vocabulary
from cirque.data import decoded
from cirque.encoders import backbones, composers
from cirque.errors import CirqueError
from cirque.families import COMPOSITIONS
from cirque.progress import say
from cirque.store import files, provenance, schemas
from cirque.trainers import composer as composer_training
from cirque.training.loop import fit


def main(
    *,
    composition: str,
    shape: composer_training.Shape,
    settings: composer_training.Settings,
    dataset: str,
    split: str,
    data_root: Path,
    pixels: Path,
    reference_pixels: Path | None = None,
    weights: Path,
    seed: int,
    work: Path,
    output: Path,
    training_log: Path,
    threads: int = 1,
    device: str = "auto",
    precision: precisions.Precision = "fp32",
    seconds_between_saves: float = 60.0,
) -> None:
    """Write a trained composer, its description with the vocabulary, and the losses of its training.

    Args:
        composition: Module of cirque.compositions.
        shape: Sizes and choices of the composition.
        settings: How it is trained.
        dataset: Module of cirque.datasets whose triplets it learns from.
        split: Of that data set.
        data_root: Folder of the data sets.
        pixels: Decoded images of the split.
        reference_pixels: Decoded images of the references, where they are pictures of another kind.
        weights: Weights of the backbone that the trunk begins as.
        seed: Of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean losses of each line.
        threads: Threads of torch.
        device: auto, cpu or cuda.
        precision: What products are computed in; weights, sums and the loss are fp32.
        seconds_between_saves: How many seconds of training a kill may cost.
    """
    place = devices.prepare(threads, device, precision)
    triplets = datasets.load_trained(dataset).training(data_root, split)
    n_images = len(triplets.image_ids)
    record = backbones.read_side_car(weights)
    described = {
        "composition": composition,
        "settings": _of_composition(composition, shape),
        "dim": shape.dim,
        "encoder": record["encoder"],
        "config": record["config"],
        "image_mean": record["image_mean"],
        "image_std": record["image_std"],
        "words": list(Vocabulary.of(triplets.texts).words),
        "has_reference_trunk": reference_pixels is not None,
        "is_frozen": settings.trunk_rate == 0,
        "scale": shape.scale,
    }
    torch.manual_seed(draws.seed_of(seed, "composer"))
    composer = composers.made_of(
        described, lambda: backbones.restore(weights, place, record).requires_grad_(True), place
    )
    n_weights = sum(weight.numel() for weight in composer.model.parameters())
    say(f"{composition}: {n_weights:,} parameters, {len(described['words']):,} words, {n_images:,} images")
    training = composer_training.training_of(
        composer,
        composer_training.Data(
            triplets,
            decoded.read(pixels, n_images),
            None if reference_pixels is None else decoded.read(reference_pixels, n_images),
            files=[path for path in (weights, pixels, reference_pixels) if path is not None],
        ),
        settings,
        seed,
        precision,
    )
    name = provenance.fingerprint(
        *("train_composer", COMPOSITIONS.module(composition)),
        inputs=training.inputs,
        settings=[described, asdict(settings)],
        seed=seed,
        device=place.type,
    )
    log = fit(training, work / f"{name}.safetensors", seconds_between_saves)
    files.write_rows(training_log, log, schemas.TRAINING)
    final = log[-1]["value"] if log else None
    composers.save(composer, output, {"seed": seed, "training": asdict(settings), "final_loss": final})
    shutil.rmtree(work, ignore_errors=True)


def _of_composition(composition: str, shape: composer_training.Shape) -> dict[str, object]:
    """What the composition's `build` takes of a shape.

    Raises:
        CirqueError: it needs something that no shape has.
    """
    known = asdict(shape)
    taken = [name for name in COMPOSITIONS.parameters(composition) if name != "sizes"]
    strange = [name for name in taken if known.get(name) is None]
    if strange:
        raise CirqueError(f"composition {composition}: reads {', '.join(strange)}, which its training does not give")
    return {name: known[name] for name in taken}
