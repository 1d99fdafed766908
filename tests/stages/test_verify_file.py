"""A file that a person put below the data root counts as the released one only by its checksum."""

import hashlib
import json
from pathlib import Path

import pytest

from cirque.data.download import COLUMNS
from tests.evaluated import run

RELEASED = b'{"pairs": []}'
CHANGED = b'{"pairs": 10}'  # as long as the released one


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    row = dict.fromkeys(COLUMNS, "") | {
        "dataset": "cirr", "file": "CIRR/val.json", "url": "https://127.0.0.1/val.json", "gated": "no",
        "bytes": str(len(RELEASED)), "sha256": hashlib.sha256(RELEASED).hexdigest(),
    }  # fmt: skip
    path = tmp_path / "datasets.tsv"
    path.write_text("\t".join(COLUMNS) + "\n" + "\t".join(row[name] for name in COLUMNS) + "\n")
    return path


def verify(registry: Path, content: bytes) -> tuple[int, Path]:
    file, proof = registry.parent / "val.json", registry.parent / "proof.json"
    file.write_bytes(content)
    words = ["--registry", registry, "--file", "CIRR/val.json", "--released", file, "--output", proof]
    return run("verify_file", *words), proof


def test_the_released_file_is_proven_by_its_checksum(registry: Path):
    status, proof = verify(registry, RELEASED)
    assert status == 0
    assert json.loads(proof.read_text())["sha256"] == hashlib.sha256(RELEASED).hexdigest()


def test_a_changed_file_is_refused_with_both_checksums_and_stays(registry: Path, capsys: pytest.CaptureFixture[str]):
    status, proof = verify(registry, CHANGED)
    assert status == 1
    message = capsys.readouterr().err
    for content in (RELEASED, CHANGED):
        assert hashlib.sha256(content).hexdigest() in message
    assert "comparable: false" in message
    assert not proof.exists()
    assert (registry.parent / "val.json").read_bytes() == CHANGED
