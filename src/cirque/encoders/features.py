"""Image features as stage files: read by every later stage, written by `cirque.encoders.extraction`.

A feature file has a row for every image of its shard, in the shard's order: its un-normalised fp32 feature and the
status `ok`, or no feature and the reason why (schemas.features).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cirque.errors import CirqueError, listed
from cirque.store import files, schemas, vectors

OK = "ok"


def load_features(paths: Sequence[Path], ids: Sequence[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
    """Features of several shards as one array.

    Args:
        paths: feature files, read in this order.
        ids: the images wanted, in the order wanted; None takes every image whose status is `ok`.

    Returns:
        Image ids and an fp32 array [n, dim], un-normalised.

    Raises:
        CirqueError: an asked image failed or is not there, an image occurs twice, a feature is not finite.
    """
    known, array = vectors.read(paths, "image_id", "feature")
    if ids is None:
        return known, array
    present = set(known)
    if any(name not in present for name in ids):
        _refuse_failed(paths, ids)
    return list(ids), vectors.take(known, array, ids, "image", f"feature in {listed(paths)}")


def _refuse_failed(paths: Sequence[Path], ids: Sequence[str]) -> None:
    """Say which of the asked images have no feature because they could not be read."""
    reasons = failures(paths)
    failed = [name for name in ids if name in reasons]
    if failed:
        raise CirqueError(
            f"{len(failed):,} of {len(ids):,} images that are needed have no feature (first: {failed[0]}: "
            f"{reasons[failed[0]]}); replace these image files; see docs/data.md#bad-images"
        )


def failures(paths: Sequence[Path]) -> dict[str, str]:
    """Images without a feature and why, in order."""
    table = files.read_tables(paths, ["image_id", "status"])
    pairs = zip(table["image_id"].to_pylist(), table["status"].to_pylist(), strict=True)
    return {name: status for name, status in pairs if status != OK}


def require_few_failures(failed: dict[str, str], n_images: int, max_failed: int, what: str) -> None:
    """Refuse images that failed in larger number than the configuration tolerates.

    Args:
        failed: image and reason.
        n_images: how many images were tried.
        max_failed: how many may fail (`max_failed` of the image set).
        what: the shard or image set, for the message.

    Raises:
        CirqueError: more failed; with the first reasons.
    """
    if len(failed) > max_failed:
        first = listed([f"{name}: {reason}" for name, reason in failed.items()])
        raise CirqueError(
            f"{what}: {len(failed):,} of {n_images:,} images failed and max_failed is {max_failed:,} ({first}); "
            "replace these image files, or raise max_failed of the image set; see docs/data.md#bad-images"
        )


def write_features(
    path: Path, image_ids: Sequence[str], statuses: Sequence[str], features: NDArray[np.float32]
) -> None:
    """Write the features of a shard.

    Args:
        path: the feature file.
        image_ids: every image of the shard, in its order.
        statuses: `ok` or why there is no feature.
        features: [n_ok, dim], of the images whose status is `ok`, in order.

    Raises:
        CirqueError: a feature is not finite.
    """
    good = np.array([status == OK for status in statuses], dtype=bool)
    broken = np.flatnonzero(good)[~np.isfinite(features).all(axis=1)]
    if len(broken):
        names = listed([image_ids[row] for row in broken])
        raise CirqueError(f"{path}: the feature of {names} is not finite; the weights are damaged or overflow")
    dim = features.shape[1]
    whole = np.zeros((len(image_ids), dim), dtype=np.float32)
    whole[good] = features
    column = pa.FixedSizeListArray.from_arrays(pa.array(whole.ravel()), dim, mask=pa.array(~good))
    schema = schemas.features(dim)
    files.write_table(
        path, pa.table([pa.array(list(image_ids)), column, pa.array(list(statuses))], schema=schema), schema
    )
