"""data: what tables need, what of it is there, how to get the rest, and archives that are unpacked."""

import io
import shlex
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from cirque.datasets import circo, coco, genecis
from tests.conftest import REPOSITORY
from tests.evaluated import inside, run

PAPER = ["--configfile", REPOSITORY / "config/paper.yaml", "--registry", REPOSITORY / "config/datasets.tsv"]


def status(capsys, root, *words):
    with inside(root):
        code = run("data", "status", *words)
    return code, capsys.readouterr()


def test_without_any_data_it_says_how_to_get_them_and_which_tables_wait(tmp_path, capsys):
    code, streams = status(capsys, tmp_path, "cirr", *PAPER)
    assert code == 1
    assert "missing      CIRR/dev/ (NLVR2" in streams.out
    assert "Fill in the NLVR2 form" in streams.out
    assert "fetched      CIRR/cirr/captions/cap.rc2.val.json" in streams.out
    assert "tables that cannot be made whole yet: cirr" in streams.err
    assert not list(tmp_path.iterdir())  # nothing is fetched or written


def test_a_generated_world_lacks_nothing(tmp_path, capsys):
    code, streams = status(capsys, tmp_path, "--configfile", REPOSITORY / "config/config.yaml", *PAPER[2:])
    assert code == 0
    assert "generated    CIRR/dev/" in streams.out


def test_each_file_is_stated_once(tmp_path, capsys):
    out = status(capsys, tmp_path, *PAPER)[1].out
    paths = [line.split()[1] for line in out.splitlines() if line.startswith(("  fetched", "  missing"))]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("words", "stated"),
    [(["crir"], "no table is called crir; there are cirr"), (["--configfile", "absent.yaml"], "absent.yaml")],
)
def test_what_is_misspelt_is_named(tmp_path, capsys, words, stated):
    code, streams = status(capsys, tmp_path, *words, *(PAPER if words[0] == "crir" else PAPER[2:]))
    assert code == 1
    assert stated in streams.err


def test_an_archive_is_unpacked_and_the_second_run_says_that_all_is_there(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "val2017.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"val2017/{number}.jpg", bytes([number]) * 1000)
    words = (tmp_path / "val2017.zip", "--into", tmp_path / "data/coco")
    assert run("data", "unpack", *words) == 0
    assert f"{tmp_path}/data/coco: 3 files, 0.0 MB of val2017.zip" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["0.jpg", "1.jpg", "2.jpg", "val2017.zip"]
    assert run("data", "unpack", *words) == 0
    assert "0 files, 0.0 MB of val2017.zip, 3 were there already" in capsys.readouterr().err


def test_two_archives_fill_one_folder_and_another_file_is_replaced_only_when_said(tmp_path, capsys):
    for name, content in (("images", b"one"), ("images2", b"another")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(f"VG_100K_{name}/1.jpg", content)
    words = ("--into", tmp_path / "VG_100K_all", "--strip", 1)
    assert run("data", "unpack", tmp_path / "images.zip", *words) == 0
    assert run("data", "unpack", tmp_path / "images2.zip", *words) == 1
    assert "VG_100K_all/1.jpg, which stays as it is" in capsys.readouterr().err
    assert run("data", "unpack", tmp_path / "images2.zip", *words, "--replace") == 0
    assert (tmp_path / "VG_100K_all/1.jpg").read_bytes() == b"another"


@pytest.mark.parametrize(("option", "value"), [("--strip", -1), ("--max-gb", 0), ("--max-gb", "nan")])
def test_a_bound_that_is_none_is_refused(tmp_path, capsys, option, value):
    assert run("data", "unpack", tmp_path / "a.zip", "--into", tmp_path, option, value) == 1
    assert "--strip must be 0 or more, and --max-gb more than 0" in capsys.readouterr().err


#: What each archive that docs/data.md names holds, and where it belongs below the data root.
LAYOUTS = {
    "unlabeled2017.zip": {"unlabeled2017/1.jpg": "CIRCO/COCO2017_unlabeled/unlabeled2017/1.jpg"},
    "image_info_unlabeled2017.zip": {
        "annotations/image_info_unlabeled2017.json": circo.annotation_files("val")["split"],
    },
    "images.zip": {"VG_100K/1.jpg": "VG_100K_all/1.jpg"},
    "images2.zip": {"VG_100K_2/2.jpg": "VG_100K_all/2.jpg"},
    "val2017.zip": {"val2017/1.jpg": "{coco}/val2017/1.jpg"},
    "imagenet-r.tar": {"imagenet-r/n01443537/art_0.jpg": "imgnet/imagenet-r/n01443537/art_0.jpg"},
    "annotations_trainval2017.zip": {
        "annotations/instances_val2017.json": "coco/annotations/instances_val2017.json",
        "annotations/captions_val2017.json": None,
    },
    "ILSVRC2012_img_test_v10102019.tar": {"test/1.JPEG": "ImageNet1K/test/test/1.JPEG"},
    "women.tar.gz": {"women/dresses/a/1/1_0.jpeg": "Fashion200k/women/dresses/a/1/1_0.jpeg", "women/._dresses": None},
    "release_dataset.zip": {
        "release_dataset/adj_ants.csv": "mitstates/adj_ants.csv",
        "release_dataset/images/ripe tomato/1.jpg": "mitstates/images/ripe tomato/1.jpg",
        "__MACOSX/release_dataset/._images": None,
    },
    "attr-ops-data.tar.gz": {
        "mit-states/compositional-split/train_pairs.txt": "mitstates/compositional-split/train_pairs.txt",
        "mit-states/compositional-split-natural/train_pairs.txt": None,
        "README": None,
    },
}


def made_up(path, names):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, name)
        return
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))


def test_the_lines_of_the_documentation_bring_each_archive_where_it_belongs(tmp_path):
    lines = [shlex.split(line) for line in (REPOSITORY / "docs/data.md").read_text(encoding="utf-8").splitlines()
             if line.startswith("python -m cirque data unpack")]  # fmt: skip
    assert {words[5].rpartition("/")[2] for words in lines} == set(LAYOUTS)
    expected = {}
    with inside(tmp_path):
        for words in lines:
            archive, into = Path(words[5]), Path(words[7])
            layout = LAYOUTS[archive.name]
            made_up(archive, layout)
            assert run(*words[3:]) == 0
            expected |= {place.format(coco=into.name): name for name, place in layout.items() if place}
    root = tmp_path / "data/paper"
    shutil.rmtree(root / "archives")
    assert {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*.*") if path.is_file()} == (
        expected
    )
    folders = [folder for source, split in ((circo, "val"), (genecis, "v0"), (coco, "val2017"))
               for folder in source.image_folders(split)]  # fmt: skip
    assert [folder for folder in folders if not (root / folder).is_dir() and "masked" not in folder] == []
