"""Files of the data root that a person put there: never removed, moved or fetched again, and proven first."""

import csv
import hashlib

import pytest
import yaml

from tests.workflow.conftest import Project, make_project

pytestmark = pytest.mark.workflow

FILE = "CIRR/cirr/captions/cap.rc2.val.json"
RELEASED = b'{"pairs": []}'


@pytest.fixture
def paper_project(tmp_path) -> Project:
    """A project at the papers' scale whose registry knows one small file."""
    project = make_project(tmp_path / "project")
    (project.root / "tiny.yaml").write_text((project.root / "config/paper.yaml").read_text())
    project.configure(data_root="data")
    registry = project.root / "config/datasets.tsv"
    with registry.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        columns, rows = list(reader.fieldnames or []), list(reader)
    (row,) = [row for row in rows if row["file"] == FILE]
    row |= {"url": "http://127.0.0.1:9/none", "mirrors": "", "git_blob": "", "bytes": str(len(RELEASED))}
    row["sha256"] = hashlib.sha256(RELEASED).hexdigest()
    lines = ["\t".join(columns), *("\t".join(row[name] for name in columns) for row in rows)]
    registry.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return project


@pytest.mark.parametrize("content", [RELEASED, b'{"pairs": 10}'], ids=["the released file", "another file"])
@pytest.mark.parametrize("options", [[], ["--forcerun", "fetch_file"], ["--forceall"]], ids=" ".join)
def test_a_file_of_the_user_stays_whatever_is_run(paper_project: Project, content: bytes, options: list[str]):
    file = paper_project.root / "data" / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    before = file.stat().st_ino
    done = paper_project.snakemake("-c2", "--retries", "0", *options, "--", f"results/scale=paper/released/{FILE}.json")
    assert (done.returncode == 0) == (content == RELEASED), done.stdout[-2000:] + done.stderr[-2000:]
    assert file.read_bytes() == content
    assert file.stat().st_ino == before  # not even by a copy
    if content != RELEASED:
        assert hashlib.sha256(RELEASED).hexdigest() in done.stdout + done.stderr


def test_queries_and_images_of_the_papers_wait_for_the_proofs_of_their_files(paper_project: Project):
    scale = yaml.safe_load((paper_project.root / "tiny.yaml").read_text())["scale"]
    queries = f"results/scale={scale}/queries/benchmark=cirr_val/queries.parquet"
    done = paper_project.snakemake("-n", "-c2", "--", queries)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    proofs = {line for line in done.stdout.replace(",", " ").split() if "/released/" in line}
    assert f"results/scale={scale}/released/{FILE}.json" in proofs
