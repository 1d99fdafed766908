"""What every training of a mapping network leaves behind: the network, what is told of it, and its log."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cirque.encoders import backbones
from cirque.networks import phi
from cirque.store import files, schemas


def keep(
    network: phi.Phi,
    log: Sequence[dict[str, Any]],
    losses: Sequence[str],
    *,
    weights: Path,
    seed: int,
    settings: Mapping[str, Any],
    told: Mapping[str, Any],
    output: Path,
    training_log: Path,
    work: Path,
) -> None:
    """Write a trained network, its description and its log, and remove the state of the unfinished training.

    Args:
        network: φ, done.
        log: rows of schemas.TRAINING.
        losses: names of the losses; the last value of each is told.
        weights: weights of the backbone whose features and tokens it is about.
        seed: of the training.
        settings: of the training.
        told: what else the description tells: counts, choices.
        output: safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write.
        work: folder of the unfinished training's state.
    """
    files.write_rows(training_log, log, schemas.TRAINING)
    record = {
        "source": "trained",
        "backbone": files.read_json(backbones.side_car(weights))["model"],
        "seed": seed,
        **told,
        "settings": dict(settings),
        "final_losses": {row["loss"]: row["value"] for row in log if row["loss"] in losses},
    }
    phi.save(output, network, record)
    shutil.rmtree(work, ignore_errors=True)
