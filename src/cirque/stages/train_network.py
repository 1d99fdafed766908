"""Train a mapping network φ by the trainer of that name; one that was cut off goes on from its last saved step."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cirque import devices, precisions
from cirque.commandline import accepted
from cirque.families import TRAINERS
from cirque.store import provenance
from cirque.training import record
from cirque.training.loop import Training, fit

FAMILY = TRAINERS

#: What the stage makes for a trainer besides its own options.
GIVEN = ("dtype",)


def main(
    trainer: str,
    *,
    weights: Path,
    seed: int,
    work: Path,
    output: Path,
    training_log: Path,
    threads: int,
    device: str = "auto",
    precision: precisions.Precision = "fp32",
    seconds_between_saves: float = 60.0,
    **inputs: Any,
) -> None:
    """Write φ, its description and the losses of its training.

    Args:
        trainer: Module of cirque.trainers.
        weights: Weights of the backbone.
        seed: Seed of everything random.
        work: Folder for the state of an unfinished training; removed at the end.
        output: Safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write: mean losses of each line, and what validation measured.
        threads: Threads for torch.
        device: auto, cpu or cuda.
        precision: What the frozen tower's products are computed in; the network's weights and losses are fp32.
        seconds_between_saves: How many seconds of training a kill may cost.
        **inputs: What the trainer reads by name.
    """
    own_device = devices.prepare(threads, device, precision)
    dtype = devices.TYPES[precision]
    prepare = TRAINERS.load(trainer).prepare
    given = accepted(prepare, {"weights": weights, "seed": seed, "device": own_device, "dtype": dtype})
    training: Training = prepare(**inputs, **given)
    settings = asdict(inputs["settings"])
    name = provenance.fingerprint(
        *("train_network", TRAINERS.module(trainer)),
        inputs=training.inputs,
        settings=settings,
        seed=seed,
        device=own_device.type,
    )
    log = fit(training, work / f"{name}.safetensors", seconds_between_saves)
    record.keep(
        training.network,
        log,
        training.losses,
        weights=weights,
        record={"trainer": trainer, "seed": seed, **training.metadata(log), "settings": settings},
        output=output,
        training_log=training_log,
    )
    shutil.rmtree(work, ignore_errors=True)
