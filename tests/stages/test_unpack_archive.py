"""Unpacking by a rule: a checked archive, whole folders, and a kill that costs nothing."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from cirque.data import archives
from cirque.data.download import COLUMNS
from cirque.errors import CirqueError
from cirque.stages import unpack_archive

ZIP = "archives/val2017.zip"
FILES = {f"val2017/{number:012d}.jpg": bytes([number]) * (100 + number) for number in range(5)}


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {**FILES, "annotations/instances_val2017.json": b"{}"}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def write_registry(folder: Path, data: bytes, url: str = "https://example.org/val2017.zip") -> Path:
    """A registry of one archive, and two things that come out of it."""
    row = dict.fromkeys(COLUMNS, "") | {"dataset": "coco", "file": ZIP, "url": url, "bytes": str(len(data))}
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "licence": "none", "gated": "no"}
    lines = ("\t".join(COLUMNS), "\t".join(row[name] for name in COLUMNS))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "datasets.tsv").write_text("\n".join(lines) + "\n")
    (folder / "archives.tsv").write_text(
        f"made\tarchive\tinto\tstrip\tonly\ncoco/val2017/\t{ZIP}\tcoco\t0\tval2017\n"
        f"coco/annotations/instances_val2017.json\t{ZIP}\tcoco\t0\tannotations\n"
    )
    return folder / "datasets.tsv"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data/archives").mkdir(parents=True)
    (tmp_path / "data" / ZIP).write_bytes(zipped())
    write_registry(tmp_path / "config", zipped())
    return tmp_path / "data"


def unpack(root: Path, made: str = "coco/val2017", output: str = "unpacked/coco/val2017.json") -> None:
    registry = root.parent / "config/datasets.tsv"
    unpack_archive.main(registry=registry, made=made, archive=root / ZIP, data_root=root, output=root / output)


def test_a_folder_is_whole_and_listed(root: Path):
    unpack(root)
    assert {f"val2017/{path.name}": path.read_bytes() for path in (root / "coco/val2017").iterdir()} == FILES
    stated = json.loads((root / "unpacked/coco/val2017.json").read_text())
    assert (stated["archive"], stated["n_files"]) == (ZIP, len(FILES))
    assert stated["n_bytes"] == sum(map(len, FILES.values()))
    assert stated["sha256"] == hashlib.sha256(zipped()).hexdigest()
    assert [path.name for path in (root / "unpacked/coco").iterdir() if path.suffix == ".begun"] == []


def test_a_file_alone_is_taken_out(root: Path):
    unpack(root, "coco/annotations/instances_val2017.json", "coco/annotations/instances_val2017.json")
    assert [path.name for path in (root / "coco").rglob("*") if path.is_file()] == ["instances_val2017.json"]


def test_another_archive_than_the_registry_s_is_not_unpacked(root: Path):
    (root / ZIP).write_bytes(zipped()[:-1] + b"x")
    with pytest.raises(CirqueError, match=r"val2017\.zip: has the sha256 .* is not unpacked"):
        unpack(root)
    assert not (root / "coco").exists()


def test_what_was_begun_is_marked_until_it_is_whole_and_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch):
    written = archives._write_file
    left = iter(range(2))

    def killed(stream, place, size) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        written(stream, place, size)

    monkeypatch.setattr(archives, "_write_file", killed)
    with pytest.raises(KeyboardInterrupt):
        unpack(root)
    assert (root / "unpacked/coco/val2017.begun").is_file()
    assert not (root / "unpacked/coco/val2017.json").exists()
    before = {path: path.stat().st_ino for path in (root / "coco/val2017").iterdir()}
    assert len(before) == 2

    monkeypatch.setattr(archives, "_write_file", written)
    unpack(root)
    assert len(list((root / "coco/val2017").iterdir())) == len(FILES)
    assert all(path.stat().st_ino == inode for path, inode in before.items())  # not written again
    assert not (root / "unpacked/coco/val2017.begun").exists()


def test_a_row_that_the_archive_does_not_keep_is_named(root: Path):
    table = root.parent / "config/archives.tsv"
    table.write_text(table.read_text().replace("coco/val2017/", "coco/val2018/"))
    with pytest.raises(CirqueError, match=r"holds no coco/val2018/; correct its row in .*archives\.tsv"):
        unpack(root, "coco/val2018", "unpacked/coco/val2018.json")
    with pytest.raises(CirqueError, match=r"archives\.tsv: has no row for coco/none"):
        unpack(root, "coco/none", "unpacked/coco/none.json")
