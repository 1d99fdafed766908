"""A full disk: nothing half-written, and what was there before is still there."""

import contextlib
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cirque.encoders import backbones
from cirque.errors import CirqueError
from cirque.store import provenance, schemas
from cirque.store.files import atomic, write_rows
from tests import small_searle

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


def test_a_model_s_weights_on_a_full_disk_end_in_a_sentence_and_leave_nothing(small_disk: Path, tmp_path: Path):
    weights = small_searle.write_backbone(tmp_path)
    model = backbones.load(weights, torch.device("cpu")).model
    path = small_disk / "weights.safetensors"
    with pytest.raises(CirqueError, match=r"weights\.safetensors: could not be written .*nothing was left"):
        backbones.save(model, path, encoder="clip", name="small", config=small_searle.CONFIG, source="random", seed=0)
    assert list(small_disk.iterdir()) == []


def test_a_record_on_a_full_disk_ends_in_a_sentence_and_leaves_nothing_half_written(small_disk: Path):
    path = small_disk / "phrases.parquet"
    write_rows(path, SMALL, schemas.PHRASES)
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    with pytest.raises(CirqueError, match=r"phrases\.parquet\.run\.json: could not be written"):
        provenance.write_records("sample_phrases", [], 0.0)
    assert sorted(entry.name for entry in small_disk.iterdir()) == ["filler", "phrases.parquet"]
