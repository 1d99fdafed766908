import errno
import importlib.metadata
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from cirque.css import release, render
from cirque.datasets import css
from cirque.errors import CirqueError
from cirque.stages import generate_css, render_css

try:
    importlib.metadata.version("mitsuba")
except importlib.metadata.PackageNotFoundError:
    pytest.skip("3D pictures of CSS: Mitsuba is not installed", allow_module_level=True)

SMALL = {"width": 45, "height": 30, "samples": 2, "seed": 0}
N_IMAGES = 3 + 3 * 2 + 3 + 3 * 2


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("css") / css.SCENES
    sizes = {"n_references": 3, "n_modifications": 2, "n_test_references": 3, "n_test_modifications": 2}
    generate_css.main(seed=0, counts="release", **sizes, output=path)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def whole(scenes, tmp_path_factory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("whole")
    render_css.main(scenes=scenes, images=root / "images", work=root / "work", threads=1, **SMALL)
    assert not (root / "work").exists()
    return contents(root / "images")


def test_every_image_of_the_data_set_is_drawn_in_its_size(scenes, whole, tmp_path):
    root = scenes.parents[1]
    listed = [Path(path).name for split in ("train_3d", "test_3d") for _, path in css.images(root, split)]
    assert sorted(listed) == list(whole)
    assert len(set(whole.values())) == N_IMAGES
    (tmp_path / "a.png").write_bytes(whole["css_test_000004.png"])
    with Image.open(tmp_path / "a.png") as picture:
        assert (picture.size, picture.mode) == ((45, 30), "RGB")


def test_two_processes_make_the_same_bytes_and_replace_the_old_folder(scenes, whole, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/old.png").touch()
    render_css.main(scenes=scenes, images=tmp_path / "images", work=tmp_path / "work", threads=2, **SMALL)
    assert contents(tmp_path / "images") == whole


def test_a_killed_run_keeps_its_pictures_and_the_next_makes_the_same_bytes(scenes, whole, tmp_path):
    work = tmp_path / "work"
    command = [
        *(sys.executable, "-m", "cirque", "render_css", "--scenes", str(scenes), "--images", str(tmp_path / "images")),
        *("--width", "45", "--height", "30", "--samples", "2", "--seed", "0", "--work", str(work), "--threads", "1"),
    ]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not list(work.glob("*/*.png")) and running.poll() is None:
        time.sleep(0.001)
    drawing = psutil.Process(running.pid).children(recursive=True) if running.poll() is None else []
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = {path: path.stat().st_mtime_ns for path in work.glob("*/*.png")}
    if not kept:
        pytest.skip("the run was over before it could be killed")
    (folder,) = work.iterdir()
    assert not psutil.wait_procs(drawing, timeout=30)[1], "the drawing processes outlived the stage"
    n_before = len(list(folder.glob("*.png")))  # a picture under way may have been finished
    (folder / ".css_train_000001.png.99.part").write_bytes(b"cut")
    drawn = []
    original = render_css._drawn

    def spy(jobs, threads):
        drawn.extend(job.path for job in jobs)
        yield from original(jobs, threads)

    render_css._drawn, saved = spy, render_css._drawn
    try:
        render_css.main(scenes=scenes, images=tmp_path / "images", work=work, threads=1, **SMALL)
    finally:
        render_css._drawn = saved
    assert contents(tmp_path / "images") == whole
    assert len(drawn) == N_IMAGES - n_before
    assert not set(drawn) & set(kept)


def test_pictures_of_other_scenes_or_settings_are_not_taken_up(scenes, tmp_path, monkeypatch):
    folders = []
    monkeypatch.setattr(render_css, "_drawn", lambda jobs, _: folders.append((jobs[0].folder, len(jobs))) or iter(()))
    monkeypatch.setattr(render_css, "_move", lambda folder, images: None)
    other = tmp_path / "other.json"
    content = release.read(scenes)
    release.write(other, {"train": content["test"], "test": content["train"]})
    for source, settings in ((scenes, SMALL), (scenes, SMALL), (other, SMALL), (scenes, SMALL | {"samples": 3})):
        render_css.main(scenes=source, images=tmp_path / "images", work=tmp_path / "work", threads=1, **settings)
    names = [folder for folder, _ in folders]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert {n for _, n in folders} == {N_IMAGES}


def test_work_on_another_disk_is_copied(tmp_path, monkeypatch):
    folder, images = tmp_path / "work/one", tmp_path / "data/images"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a")
    rename = Path.rename

    def across(self, target):
        if self == folder:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", across)
    render_css._move(folder, images)
    assert contents(images) == {"a.png": b"a"}
    assert [path.name for path in images.parent.iterdir()] == ["images"]


@pytest.mark.parametrize("name", ["width", "height", "samples"])
def test_a_size_of_nothing_is_refused(scenes, tmp_path, name):
    with pytest.raises(CirqueError, match=f"render_css: {name} is 0; it must be at least 1"):
        render_css.main(scenes=scenes, images=tmp_path, work=tmp_path / "work", threads=1, **(SMALL | {name: 0}))


def test_without_mitsuba_nothing_is_begun(scenes, tmp_path, monkeypatch):
    def version() -> str:
        raise CirqueError("pip install mitsuba")

    monkeypatch.setattr(render, "version", version)
    with pytest.raises(CirqueError, match="pip install mitsuba"):
        render_css.main(scenes=scenes, images=tmp_path / "images", work=tmp_path / "work", threads=1, **SMALL)
    assert not (tmp_path / "work").exists()
