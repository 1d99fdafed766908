"""A full disk: nothing half-written, and what was there before is still there."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.store import schemas
from cirque.store.files import atomic, write_rows

SMALL = [{"concept": "star", "phrases": ["a photo of star that shines"]}]
LARGE = [{"concept": str(i), "phrases": [hashlib.sha512(bytes([i % 251, i // 251])).hexdigest()]} for i in range(20000)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_is_stated_and_the_former_file_stays(small_disk: Path):
    path = small_disk / "phrases.parquet"
    write_rows(path, SMALL, schemas.PHRASES)
    before = path.read_bytes()
    with pytest.raises(CirqueError, match=r"phrases.parquet: could not be written .*No space left on device"):
        write_rows(path, LARGE, schemas.PHRASES)
    assert path.read_bytes() == before
    assert [entry.name for entry in small_disk.iterdir()] == ["phrases.parquet"]


def test_disk_with_room_again_takes_the_file(small_disk: Path):
    path = small_disk / "weights.bin"

    def fill() -> None:
        with atomic(path) as partial:
            partial.write_bytes(bytes(1 << 20))

    with pytest.raises(CirqueError):
        fill()
    with atomic(path) as partial:
        partial.write_bytes(bytes(1 << 10))
    assert path.stat().st_size == 1 << 10
