"""Images that lie in img2dataset's tars: listed with their captions and read without unpacking."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from cirque.data import image_lists, image_tars, shards
from cirque.datasets import cc3m
from cirque.errors import CirqueError
from cirque.stages import list_images, shard_images
from cirque.store import files, schemas
from tests.evaluated import run

FOLDER = "cc3m/cc_data/train"
CAPTIONS = {"000000000": "a dog", "000000003": 'the "best" of\ttwo lines\n', "000010000": ""}


def picture(key: str) -> bytes:
    return b"\xff\xd8\xff" + key.encode() * 99


def write_tar(path: Path, keys: list[str], text: str = "txt") -> None:
    """A tar as img2dataset writes it: KEY.jpg, KEY.txt, KEY.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for key in keys:
            about = json.dumps({"caption": CAPTIONS[key] or None, "status": "success"}).encode()
            for ending, data in (("jpg", picture(key)), ("txt", CAPTIONS[key].encode()), ("json", about)):
                if ending in {"jpg", "json", text}:
                    info = tarfile.TarInfo(f"{key}.{ending}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_tar(tmp_path / "data" / FOLDER / "00000.tar", ["000000000", "000000003"])
    write_tar(tmp_path / "data" / FOLDER / "00001.tar", ["000010000"], text="none")
    return tmp_path / "data"


def list_tars(data: Path, *words: str) -> int:
    return run("data", "list-tars", "cc3m", "--data-root", data, *words)


def test_every_picture_is_listed_with_its_caption_on_one_line(data: Path, capsys):
    assert list_tars(data) == 0
    assert "3 images; set n_images of the image set cc3m to 3" in capsys.readouterr().err
    assert cc3m.captions(data, "train") == [
        ("cc_data/train/00000.tar::000000000.jpg", "a dog"),
        ("cc_data/train/00000.tar::000000003.jpg", 'the "best" of two lines'),
        ("cc_data/train/00001.tar::000010000.jpg", ""),
    ]


def test_shards_of_tars_are_those_of_the_unpacked_files_but_for_the_paths(data: Path, tmp_path: Path):
    list_tars(data)
    images = tmp_path / "images.parquet"
    list_images.main(
        dataset="cc3m", split="train", image_set="cc3m", n_images=3, shard_size=2, data_root=data, output=images
    )
    rows = files.read_table(images, schemas.IMAGES.names).to_pylist()
    assert [row["shard"] for row in rows] == [0, 0, 1]
    for number in (0, 1):
        shard = tmp_path / f"0000{number}.tar"
        shard_images.main(images=images, shard=number, data_root=data, output=shard)
        for sample in shards.read_shard(shard, shards.rows_of(rows, number, images)):
            assert sample.data == picture(sample.image_id.rpartition("::")[2].removesuffix(".jpg"))


def test_a_list_that_is_there_stays_unless_it_may_give_way(data: Path, capsys):
    assert list_tars(data) == 0
    (data / FOLDER / "00001.tar").unlink()
    assert list_tars(data) == 1
    assert "is there already and stays as it is; give it another name, or say --replace" in capsys.readouterr().err
    assert len(cc3m.images(data, "train")) == 3
    assert list_tars(data, "--replace") == 0
    assert len(cc3m.images(data, "train")) == 2


def test_a_tar_that_went_is_missing_images(data: Path):
    list_tars(data)
    rows = [{"image_id": name, "path": path} for name, path in cc3m.images(data, "train")]
    shards.require_files("CC3M train", rows, data)
    write_tar(data / FOLDER / "00000.tar", ["000000000"])  # another one in its place is read anew
    (data / FOLDER / "00001.tar").unlink()
    with pytest.raises(CirqueError, match=r"2 of 3 images missing \(first: cc_data/train/00000.tar::000000003.jpg\)"):
        shards.require_files("CC3M train", rows, data)
    with pytest.raises(FileNotFoundError, match=r"the tar has no 000000003\.jpg"):
        image_tars.read(data, rows[1]["path"])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_a_tar_that_is_cut_short_is_named(data: Path, share: float, capsys):
    tar = data / FOLDER / "00000.tar"
    whole = tar.read_bytes().rstrip(b"\0")
    tar.write_bytes(whole[: int(len(whole) * share)])
    assert list_tars(data) == 1
    assert "00000.tar: is cut short or altered" in capsys.readouterr().err
    assert not (data / cc3m.LISTS["train"]).exists()


@pytest.mark.parametrize("about", [b"[]", b"{", b"{}", b'{"caption": 1}', b"\xff"])
def test_a_picture_without_a_caption_is_named(tmp_path: Path, about: bytes):
    with tarfile.open(tmp_path / "00000.tar", "w") as tar:
        for name, data in (("1.jpg", b"x"), ("1.json", about)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(CirqueError, match=r"00000.tar: 1.jpg has no caption"):
        list(image_tars.captioned(tmp_path / "00000.tar"))


def test_a_folder_without_tars_is_named(tmp_path: Path):
    with pytest.raises(CirqueError, match=r"cc3m/cc_data/train: holds no tar of images; see docs"):
        image_lists.write_of_tars(tmp_path / "list.csv", FOLDER, tmp_path, "docs/data.md#cc3m")


def test_a_plain_file_is_read_as_before(tmp_path: Path):
    (tmp_path / "a::b.jpg").write_bytes(b"x")
    assert image_tars.is_there(tmp_path, "a::b.jpg")
    assert image_tars.read(tmp_path, "a::b.jpg") == b"x"
    assert not image_tars.is_there(tmp_path, "absent.jpg")
