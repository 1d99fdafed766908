"""The workflow on a real Slurm, by the command of README: the same table, whatever befalls the jobs."""

import json
import os

import pyarrow.parquet as pq
import pytest

from tests.slurm.runs import ON_GPU, TOO_LITTLE, Run, rule_of
from tests.workflow.conftest import TABLE

pytestmark = pytest.mark.workflow

MOST_THREADS = 4


def test_slurm_ends_in_the_table_of_a_local_run(run: Run):
    here, there = (pq.read_table(project.root / TABLE).to_pylist() for project in (run.here, run.there))
    assert sum(row["measured"] is not None for row in here) > 10
    assert there == here


def test_gpu_jobs_run_where_gpus_are_and_no_others_do(run: Run):
    assert {rule_of(job) for job in run.jobs if job["partition"] == "gpu"} == set(ON_GPU)
    assert {job["partition"] for job in run.jobs} == {"cpu", "gpu"}


def test_a_job_with_torch_has_the_threads_of_its_allocation(run: Run):
    assert {(rule_of(job), job["cpus"]) for job in run.jobs if rule_of(job) in ON_GPU} == {
        (rule, str(MOST_THREADS)) for rule in ON_GPU
    }
    scale = run.there.root / "results/scale=tiny"
    records = [file for kind in ("backbones", "features", "rankings") for file in scale.glob(f"{kind}/**/*.run.json")]
    assert len(records) > 5
    threads = {json.loads(record.read_text())["machine"]["torch_threads"] for record in records}
    # Nodes say that they have more processors than this machine may have.
    assert threads == {min(MOST_THREADS, len(os.sched_getaffinity(0)))}


def test_a_cancelled_job_is_submitted_again_with_more_memory_and_time(run: Run):
    first, *more = run.of("train_backbone")
    assert [first["state"], *(job["state"] for job in more)] == ["CANCELLED", "COMPLETED"]
    assert (first["memory"], first["limit"]) == ("4000M", "30:00")
    assert (more[0]["memory"], more[0]["limit"]) == ("8000M", "1:00:00")


def test_a_job_whose_node_vanished_is_submitted_again(run: Run):
    assert [job["state"] for job in run.of("extract_features")] == ["NODE_FAIL", "COMPLETED"]


def test_a_job_that_was_killed_for_its_memory_gets_more(run: Run):
    first, second = run.of("shard_images")
    assert first["state"] in {"FAILED", "OUT_OF_MEMORY", "CANCELLED"}
    assert (first["memory"], first["limit"]) == (f"{TOO_LITTLE}M", "2:00:00")
    assert (second["memory"], second["limit"], second["state"]) == (f"{TOO_LITTLE * 4}M", "4:00:00", "COMPLETED")


def test_short_writers_run_where_snakemake_runs(run: Run):
    assert not {"write_settings", "build_table", "write_page", "create_database", "publish_table"} & {
        rule_of(job) for job in run.jobs
    }
