"""Which images of a shard an inversion takes: all, or those that are a reference of some benchmark's query."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cirque.encoders import backbones
from cirque.encoders.features import OK, load_features
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.store import files


def to_invert(
    path: Path, queries: Sequence[Path], backbone: backbones.Backbone
) -> tuple[list[str], NDArray[np.float32]]:
    """Images to invert, in the shard's order, and their features [n, dim], un-normalised.

    Args:
        path: feature file of the shard.
        queries: query files; where given, only images that are a reference there are taken.
        backbone: that made the features.

    Raises:
        CirqueError: the features are of another backbone.
    """
    table = files.read_table(path, ["image_id", "status"])
    statuses = table["status"].to_pylist()
    rows = zip(table["image_id"].to_pylist(), statuses, strict=True)
    good = [name for name, status in rows if status == OK]
    wanted = good
    if queries:
        references = set(files.read_tables(queries, ["reference_id"])["reference_id"].to_pylist())
        wanted = [name for name in good if name in references]
    failed = len(statuses) - len(good)
    say(f"{path}: {len(statuses)} images, {failed} of them failed and left out; {len(wanted)} to invert")
    if not wanted:
        return [], np.zeros((0, backbone.dim), dtype=np.float32)
    names, array = load_features([path], wanted)
    if array.shape[1] != backbone.dim:
        raise CirqueError(
            f"{path}: features of {array.shape[1]} dimensions, but backbone {backbone.name} has {backbone.dim}; give"
            " the weights that made the features"
        )
    return names, array
