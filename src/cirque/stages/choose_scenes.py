"""Choose scenes of CSS to show, and gather their pictures."""

import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from cirque.css import pictures, release, showing
from cirque.css.showing import Shown
from cirque.data.shard_index import ShardIndex
from cirque.errors import CirqueError
from cirque.plan.paths import partitions
from cirque.progress import say
from cirque.store import files, schemas


def main(
    *,
    scenes: Path,
    images_2d: list[Path],
    shards_2d: list[Path],
    images_3d: list[Path],
    shards_3d: list[Path],
    n_scenes: int,
    output: Path,
) -> None:
    """Write each chosen scene in 2D and in 3D, one thing that is asked of it, and in 3D what it becomes.

    Args:
        scenes: File of scenes, ours (JSON) or the release's (.npy).
        images_2d: images.parquet of the image sets of flat pictures (their paths hold image_set=…).
        shards_2d: All tars of these sets.
        images_3d: images.parquet of the image sets of rendered pictures.
        shards_3d: All tars of these sets.
        n_scenes: Of each split.
        output: Parquet file to write (schemas.CSS_SCENES).
    """
    chosen = showing.choose(release.read(scenes), n_scenes)
    if not chosen:
        raise CirqueError(
            f"{scenes}: no reference has {showing.FEWEST} objects, so there is no scene to show; make more references"
        )
    asked_for = {"2d": {_reference(shown) for shown in chosen}}
    asked_for["3d"] = asked_for["2d"] | {_target(shown) for shown in chosen}
    seen = {
        "2d": _pictures(asked_for["2d"], images_2d, shards_2d),
        "3d": _pictures(asked_for["3d"], images_3d, shards_3d),
    }
    rows = []
    for shown in chosen:
        rows += [_row(shown, "reference", _reference(shown), view, seen[view]) for view in ("2d", "3d")]
        rows.append(_row(shown, "target", _target(shown), "3d", seen["3d"]))
    files.write_rows(output, rows, schemas.CSS_SCENES)
    say(f"{len(chosen)} scenes, {len(rows)} pictures")


def _reference(shown: Shown) -> str:
    return pictures.image_id(shown.split, shown.reference)


def _target(shown: Shown) -> str:
    return pictures.image_id(shown.split, shown.target)


def _pictures(names: set[str], images: Sequence[Path], shards: Sequence[Path]) -> dict[str, bytes]:
    """Files of some images, wherever they lie in the shards of several image sets.

    Raises:
        CirqueError: one is in none of the sets, or a shard is missing or altered.
    """
    of_set: dict[str, list[Path]] = defaultdict(list)
    for path in shards:
        of_set[partitions(path).get("image_set", "")].append(path)
    found: dict[str, bytes] = {}
    for path in images:
        rows = files.read_table(path, schemas.IMAGES.names).to_pylist()
        index = ShardIndex(of_set[partitions(path).get("image_set", "")], rows)
        own = [row["image_id"] for row in rows if row["image_id"] in names]
        found |= {name: index.sample(number).data for name, number in zip(own, index.numbers(own), strict=True)}
    missing = sorted(names - found.keys())
    if missing:
        raise CirqueError(
            f"{', '.join(map(str, images))}: {missing[0]} is in none of them, though the scenes have it; make them anew"
        )
    return found


def _row(shown: Shown, role: str, image_id: str, view: str, seen: dict[str, bytes]) -> dict[str, Any]:
    """A row of schemas.CSS_SCENES."""
    with Image.open(io.BytesIO(seen[image_id])) as picture:
        width, height = picture.size
    return {
        "split": shown.split,
        "query_id": shown.query_id,
        "image_id": image_id,
        "view": view,
        "role": role,
        "text": shown.text,
        "width": width,
        "height": height,
        "picture": seen[image_id],
    }
