"""The images of an image set by number, wherever they lie in its shards: for trainings that see them in another order.

    index = ShardIndex(sorted(Path("shards").glob("*.tar")), rows)
    index.sample(17)  # its name and bytes

Headers are read once. A look-up then reads one image, and checks it as a reading from front to back would.
"""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cirque.data.shards import Row, Sample, checked, extension, spoilt
from cirque.errors import CirqueError
from cirque.store import provenance

#: Start and length of a member, in bytes.
Span = tuple[int, int]


class ShardIndex:
    """Where each image of an image set lies."""

    def __init__(self, paths: Sequence[Path], rows: Sequence[Row]) -> None:
        """Read the headers of all shards.

        Args:
            paths: every shard of the set, each named by its number.
            rows: the set's images, in order (schemas.IMAGES).

        Raises:
            CirqueError: a shard is missing, cut short, or holds other members than its images'.
        """
        shards = {int(path.stem): path for path in paths}
        missing = sorted({row["shard"] for row in rows} - set(shards))
        if missing:
            raise CirqueError(
                f"shards: {len(missing)} are missing (first: {missing[0]:05d}.tar); give all of the set's"
            )
        members = {number: _members(path) for number, path in shards.items()}
        self.rows = rows
        self._places: list[tuple[Path, Span, Span]] = []
        for row in rows:
            path, found = shards[row["shard"]], members[row["shard"]]
            names = (f"{row['key']}.json", f"{row['key']}.{extension(row['path'])}")
            lacking = [name for name in names if name not in found]
            if lacking:
                raise spoilt(path, f"lacks {lacking[0]} ({row['image_id']})")
            about, data = (found.pop(name) for name in names)
            self._places.append((path, about, data))
        for number, left in members.items():
            if left:
                raise spoilt(shards[number], f"holds {next(iter(left))}, which belongs to none of its images")

    def __len__(self) -> int:
        return len(self.rows)

    def numbers(self, image_ids: Sequence[str]) -> list[int]:
        """Numbers of some images, in the order asked for.

        Raises:
            CirqueError: one is not in the image set.
        """
        known = {row["image_id"]: number for number, row in enumerate(self.rows)}
        strange = [name for name in image_ids if name not in known]
        if strange:
            raise CirqueError(
                f"{len(strange):,} of {len(image_ids):,} images are not among the {len(known):,} of the image set"
                f" (first: {strange[0]}); give the shards that hold them"
            )
        return [known[name] for name in image_ids]

    def sample(self, number: int) -> Sample:
        """One image.

        Raises:
            CirqueError: its bytes or its record were altered.
        """
        path, about, data = self._places[number]
        row = self.rows[number]
        with path.open("rb") as stream:
            members = {"__key__": row["key"], "json": _read(stream, about)}
            members[extension(row["path"])] = _read(stream, data)
        return checked(path, members, row)


def _members(path: Path) -> dict[str, Span]:
    """Name and place of every member of a tar."""
    provenance.read(path)
    try:
        with tarfile.open(path, "r:") as tar:
            return {member.name: (member.offset_data, member.size) for member in tar}
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such shard; ask Snakemake for it (snakemake -c8 {path})") from error
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise spoilt(path, f"cannot be read ({error})") from error


def _read(stream: BinaryIO, span: Span) -> bytes:
    start, length = span
    stream.seek(start)
    return stream.read(length)
