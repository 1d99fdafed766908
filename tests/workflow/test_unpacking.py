"""Archives that the workflow fetches and unpacks by itself, from a server of this machine, once it is asked to."""

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.stages.test_unpack_archive import FILES, ZIP, write_registry, zipped
from tests.workflow.conftest import Project, make_project

pytestmark = pytest.mark.workflow

LIST = "data/unpacked/coco/val2017.json"
ANNOTATIONS = "data/coco/annotations/instances_val2017.json"
ASKED = ("--config", "unpack=True", "missing_data=refuse", "--")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a server of this machine has the archive."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "val2017.zip").write_bytes(zipped())
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: _Quiet(*given, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/val2017.zip"
    server.shutdown()


@pytest.fixture
def paper_project(tmp_path: Path, address: str) -> Project:
    """A project at the papers' scale whose registry knows one small archive."""
    project = make_project(tmp_path / "project")
    (project.root / "tiny.yaml").write_text((project.root / "config/paper.yaml").read_text())
    project.configure(data_root="data")
    write_registry(project.root / "config", zipped(), address)
    return project


def test_images_and_annotations_come_out_of_an_archive_that_was_fetched(paper_project: Project):
    done = paper_project.snakemake("-c2", *ASKED, LIST, ANNOTATIONS)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    images = paper_project.root / "data/coco/val2017"
    assert {f"val2017/{path.name}": path.read_bytes() for path in images.iterdir()} == FILES
    assert (paper_project.root / "data" / ZIP).read_bytes() == zipped()
    again = paper_project.snakemake("-n", *ASKED, LIST, ANNOTATIONS)
    assert "Nothing to be done" in again.stdout + again.stderr, again.stdout

    # Of what a kill left, as its mark says, the next run makes a whole folder.
    (paper_project.root / LIST).unlink()
    (paper_project.root / LIST).with_suffix(".begun").touch()
    next(images.iterdir()).unlink()
    done = paper_project.snakemake("-c2", *ASKED, LIST)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert len(list(images.iterdir())) == len(FILES)


def test_image_sets_wait_for_their_archive_only_where_they_have_no_images(paper_project: Project):
    images = "results/scale=paper/images/image_set=coco/images.parquet"
    planned = paper_project.snakemake("-n", "-c2", *ASKED, images)
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert "rule unpack_archive" in planned.stdout
    assert "rule unpack_file" in planned.stdout
    (paper_project.root / "data/coco/val2017").mkdir(parents=True)  # a person's own
    assert "rule unpack_archive" not in paper_project.snakemake("-n", "-c2", *ASKED, images).stdout


def test_without_being_asked_nothing_is_unpacked(paper_project: Project):
    done = paper_project.snakemake("-c2", "--config", "missing_data=refuse", "--", LIST)
    assert done.returncode != 0
    assert not (paper_project.root / "data").exists()
