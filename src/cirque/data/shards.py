"""Image sets as webdataset tars: assigned to shards, written byte for byte alike, read back with every check.

A shard holds its images' files unchanged, in gallery order (an image that is a part of its file as PNG): for each image
`KEY.json` (image_id, path, sha256 of the bytes) and `KEY.EXT` (the bytes). Times, owner and mode are fixed. Keys are
unique over the image set, for webdataset tells samples apart by nothing else.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cirque.data import image_tars, tars
from cirque.data.images import NO_PICTURE, BadImage
from cirque.errors import CirqueError, listed
from cirque.progress import say
from cirque.store import files, provenance, schemas

Row = dict[str, Any]

_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True)
class Sample:
    """One image of a shard: its name and the bytes of its file."""

    image_id: str
    data: bytes


def assign(images: Sequence[tuple[str, str]], image_set: str, shard_size: int) -> list[Row]:
    """Give each (image_id, path) its shard and key, in order: the rows of schemas.IMAGES.

    Raises:
        CirqueError: two images of one name, or an image set whose name cannot stand in a key.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", image_set):
        # webdataset cuts a member's name at its first dot, and takes slashes for folders
        raise CirqueError(f"image set {image_set!r}: name it with letters, digits, _ and - (at most 64)")
    if shard_size < 1:
        raise CirqueError(f"image set {image_set}: shard_size is {shard_size}; a shard holds at least one image")
    seen: set[str] = set()
    twice = [name for name, _ in images if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
    if twice:
        raise CirqueError(f"image set {image_set}: {len(twice)} names occur twice (first: {listed(twice)})")
    return [
        {"image_id": name, "path": path, "shard": index // shard_size, "key": f"{image_set}-{index:09d}"}
        for index, (name, path) in enumerate(images)
    ]


def rows_of(rows: Iterable[Row], shard: int, source: Path) -> list[Row]:
    """The rows of one shard, in order.

    Raises:
        CirqueError: there is no such shard.
    """
    chosen = [row for row in rows if row["shard"] == shard]
    if not chosen:
        raise CirqueError(
            f"{source}: has no shard {shard}; shard_size and n_images of the configuration disagree with it"
        )
    return chosen


def read_rows(images: Path, shard: int) -> list[Row]:
    """The rows of one shard of an image set, in order; of millions of others none becomes a Python object.

    Args:
        images: images.parquet of the set (schemas.IMAGES).
        shard: number of the shard.

    Raises:
        CirqueError: there is no such shard.
    """
    return _rows_in(files.read_table(images, schemas.IMAGES.names), shard, images)


def _rows_in(table: pa.Table, shard: int, source: Path) -> list[Row]:
    return rows_of(table.filter(pc.equal(table["shard"], shard)).to_pylist(), shard, source)


def read_part(paths: Sequence[Path], images: Path) -> tuple[int, Iterator[Sample]]:
    """How many images some shards hold, and these in order, each shard read as it comes.

    Args:
        paths: Tars, named by their numbers.
        images: images.parquet of the image set (schemas.IMAGES).

    Raises:
        CirqueError: a shard is not of the set, or not what the set says; see `read_shard`.
    """
    table = files.read_table(images, schemas.IMAGES.names)
    own = [(path, _rows_in(table, int(path.stem), images)) for path in paths]
    return sum(len(rows) for _, rows in own), chain.from_iterable(read_shard(path, rows) for path, rows in own)


def require_files(what: str, rows: Sequence[Row], data_root: Path, see: str = "docs/data.md") -> None:
    """Refuse an image set with missing files.

    Args:
        what: name of the image set for the message, `CIRR val`.
        rows: its images (schemas.IMAGES).
        data_root: folder that their paths are relative to.
        see: where the documentation says how to get them.

    Raises:
        CirqueError: how many are missing, which is the first, and where to put them.
    """
    missing = [row for row in rows if not image_tars.is_there(data_root, row["path"])]
    if missing:
        raise CirqueError(
            f"{what}: {len(missing):,} of {len(rows):,} images missing (first: {missing[0]['image_id']}); "
            f"put them in {(data_root / missing[0]['path']).parent}; see {see}"
        )


def extension(path: str) -> str:
    """Name of a member after the key: the file's suffix in small letters, or `image` where it has none."""
    suffix = Path(path).suffix[1:].lower()
    return suffix if _EXTENSION.fullmatch(suffix) and suffix != "json" else "image"


def write_shard(
    output: Path, rows: Sequence[Row], data_root: Path, derive: Callable[[str, bytes], bytes] | None = None
) -> int:
    """Write the files of `rows` to a tar; returns the bytes of the images.

    Args:
        output: the tar.
        rows: its images (schemas.IMAGES).
        data_root: folder that their paths are relative to.
        derive: makes an image from its name and the bytes of its file, where an image is a part of a file. For one
            that gives no picture the reason goes in instead, so that it fails like any other broken image.
    """
    from webdataset.writer import TarWriter  # noqa: PLC0415  (imports torch, which a list of images does without)

    total = 0
    with (
        files.atomic(output) as partial,
        partial.open("wb") as stream,
        TarWriter(stream, encoder=False, mtime=0, user="cirque", group="cirque", mode=0o644) as tar,
    ):
        for row in rows:
            data = _read_image(data_root, row["path"], row["image_id"])
            if derive is not None:
                data = _derived(derive, row["image_id"], data)
            about = {
                "image_id": row["image_id"],
                "path": row["path"],
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            member = json.dumps(about, ensure_ascii=False, sort_keys=True).encode()
            tar.write({"__key__": row["key"], "json": member, extension(row["path"]): data})
            total += len(data)
    return total


def _read_image(data_root: Path, path: str, image_id: str) -> bytes:
    try:
        return image_tars.read(data_root, path)
    except OSError as error:
        raise CirqueError(f"{data_root / path}: image {image_id} cannot be read ({error.strerror or error})") from error


def _derived(derive: Callable[[str, bytes], bytes], image_id: str, data: bytes) -> bytes:
    try:
        return derive(image_id, data)
    except BadImage as error:
        say(f"image {image_id}: {error}")
        return NO_PICTURE + str(error).encode()  # it is counted as failed, with its own reason, when it is decoded


def read_shard(path: Path, rows: Sequence[Row]) -> Iterator[Sample]:
    """Read a shard from front to back, one image in memory at a time.

    Args:
        path: a tar of `write_shard`.
        rows: the images that it must hold, in order (schemas.IMAGES).

    Raises:
        CirqueError: the tar is missing, cut short, altered, or holds other images than `rows`.
    """
    provenance.read(path)
    count = 0
    for sample in _samples(path):
        if count == len(rows):
            raise spoilt(path, f"holds more than its {len(rows)} images")
        yield checked(path, sample, rows[count])
        count += 1
    if count < len(rows):
        raise spoilt(path, f"holds {count} of {len(rows)} images (first missing: {rows[count]['image_id']})")


def _samples(path: Path) -> Iterator[dict[str, Any]]:
    """Members of a tar grouped by key, as webdataset does it."""
    from webdataset import tariterators  # noqa: PLC0415  (see write_shard)

    try:
        with path.open("rb") as stream:
            # The stream is opened here: webdataset would take a name with `pipe:` for a command.
            members = tariterators.tar_file_expander([{"url": path.name, "stream": tars.finite(stream)}])
            yield from tariterators.group_by_keys(members)
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such shard; ask Snakemake for it (snakemake -c8 {path})") from error
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise spoilt(path, f"cannot be read on ({error.args[0] if error.args else error})") from error


def checked(path: Path, sample: dict[str, Any], row: Row) -> Sample:
    """The sample, once its members agree with the row and its bytes with their checksum."""
    key = row["key"]
    if sample["__key__"] != key:
        raise spoilt(path, f"has the key {sample['__key__']} where {key} ({row['image_id']}) belongs")
    suffix = extension(row["path"])
    members = {name for name in sample if not name.startswith("__")}
    if members != {"json", suffix}:
        raise spoilt(path, f"{key}: has the members {', '.join(sorted(members))} instead of json, {suffix}")
    try:
        about = json.loads(sample["json"])
        stated = (about["image_id"], about["path"], about["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise spoilt(path, f"{key}.json: not the record of an image") from error
    data = sample[suffix]
    if stated != (row["image_id"], row["path"], hashlib.sha256(data).hexdigest()):
        raise spoilt(path, f"{key} ({row['image_id']}): the image or its record was altered")
    return Sample(row["image_id"], data)


def spoilt(path: Path, what: str) -> CirqueError:
    """The error of a shard that is not as it was written."""
    return CirqueError(
        f"{path}: {what}; the shard is cut short or altered: delete it and run Snakemake again, which makes it anew"
    )
