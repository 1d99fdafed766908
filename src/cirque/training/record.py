"""What every training of a mapping network leaves behind: the network, its description and its log."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from cirque.encoders import backbones
from cirque.networks import phi
from cirque.store import files, schemas


def keep(
    network: nn.Module,
    log: Sequence[dict[str, Any]],
    losses: Sequence[str],
    *,
    weights: Path,
    record: Mapping[str, Any],
    output: Path,
    training_log: Path,
) -> None:
    """Write a trained network, its description and its log.

    Args:
        network: φ or another network on features, done.
        log: rows of schemas.TRAINING.
        losses: names of the losses, the last value of each of which is in the description.
        weights: weights of the backbone whose features and tokens it is about.
        record: what else the description says: trainer, seed, settings, counts, choices.
        output: safetensors file to write; its description goes beside it, with the ending .json.
        training_log: Parquet file to write.
    """
    assert isinstance(network, phi.Network)
    files.write_rows(training_log, log, schemas.TRAINING)
    described = {
        "source": "trained",
        "backbone": files.read_json(backbones.side_car(weights))["model"],
        **record,
        "final_losses": {row["loss"]: row["value"] for row in log if row["loss"] in losses},
    }
    phi.save(output, network, described)
