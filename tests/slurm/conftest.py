"""A cluster for the session, and one run of the workflow on it beside the same run on this machine."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.slurm.cluster import Cluster, running, why_not
from tests.slurm.runs import Run, run_with_faults
from tests.workflow.conftest import make_project


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running Slurm; tests that ask for it are skipped where none can be started."""
    plugin = (
        None if find_spec("snakemake_executor_plugin_slurm") else "snakemake-executor-plugin-slurm is not installed"
    )
    if reason := why_not() or plugin:
        pytest.skip(reason)
    with running(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def run(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The workflow on Slurm, through faults of every kind, and on this machine."""
    folder = tmp_path_factory.mktemp("runs")
    here = make_project(folder / "here")
    methods = ["image-only", "image-text", "text-only"]
    here.configure(run__methods=methods, tables={"cirr": {"benchmarks": ["cirr_val"]}}, plots={})
    here.configure(image_sets__cirr_val__shard_size=60)  # one shard: each submission takes seconds
    return run_with_faults(cluster, here, folder / "there")
