"""Data that are not there cost their rows, not the table; the rows fill in once the data come."""

import pyarrow.parquet as pq
import pytest

from tests.workflow.conftest import Project
from tests.workflow.test_released import paper_project

pytestmark = pytest.mark.workflow

TABLE = "results/table_cirr.parquet"

__all__ = ["paper_project"]


def verdicts(project: Project) -> dict[str, str]:
    """Reason of a figure of each method that SEARLE prints."""
    rows = pq.read_table(project.root / TABLE).to_pylist()
    return {row["method"]: row["reason"] for row in rows if row["paper"] == "SEARLE" and row["method"]}


def test_a_table_without_any_data_is_made_and_says_what_each_row_waits_for(paper_project: Project):
    done = paper_project.snakemake("-c2", "--", TABLE)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Data missing: images of cirr_val, images of cirr_test1" in done.stderr
    reasons = verdicts(paper_project)
    assert reasons["image-text"].startswith("data missing: images of cirr_test1: no CIRR/test1/")
    planned = paper_project.planned()
    assert not planned  # nothing is done twice while nothing comes

    (paper_project.root / "data/CIRR/test1").mkdir(parents=True)
    planned = paper_project.planned()
    assert planned["list_images"] == 1
    assert planned["build_table"] == 1
    assert "invert_images" in planned  # of the references, by SEARLE-OTI
    assert "train_network" not in planned  # what networks learn from is still missing


def test_who_wants_all_or_nothing_says_so(paper_project: Project):
    planned = paper_project.planned("--config", "missing_data=refuse")
    assert {"train_network", "invert_images", "list_images"} <= set(planned)
