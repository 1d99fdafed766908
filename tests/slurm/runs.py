"""The same workflow on this machine, and on a Slurm that cancels a job, kills one for its memory and loses a node."""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.slurm.cluster import Cluster
from tests.workflow.conftest import TABLE, Project

#: Memory [MB] that a job of shard_images gets at first, and is killed for: it imports torch.
TOO_LITTLE = 300
#: Rules of the tiny configuration that compute on a GPU.
ON_GPU = ("train_backbone", "extract_features", "evaluate_cirr_val-tiny-B-1")
#: Snakemake with the status of jobs asked each second: the executor asks ever less often, up to each three minutes.
IMPATIENT = """
import sys
from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor
Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
main(sys.argv[1:])
"""


@dataclass
class Run:
    """What became of the workflow.

    Attributes:
        here: the project that ran on this machine.
        there: the project that ran on Slurm.
        output: what Snakemake printed there.
        jobs: all that Slurm was given, with their last states.
    """

    here: Project
    there: Project
    output: str
    jobs: list[dict[str, str]]

    def of(self, rule: str) -> list[dict[str, str]]:
        """Jobs of a rule in the order of their submission."""
        return sorted((job for job in self.jobs if rule_of(job) == rule), key=lambda job: int(job["id"]))


def rule_of(job: dict[str, str]) -> str:
    """The rule that a job's comment names."""
    return job["comment"].removeprefix("rule_").partition("_wildcards_")[0]


def readme_command() -> list[str]:
    """The command that README shows for Slurm."""
    found = re.search(
        r"`(snakemake [^`]*--workflow-profile profiles/slurm [^`]*)`", (REPOSITORY / "README.md").read_text()
    )
    assert found
    return shlex.split(found[1])


def given() -> list[str]:
    """README's command on the tiny configuration, for nodes whose GPUs are files and whose jobs take seconds."""
    _, *words = readme_command()
    assert words[-1] == TABLE
    words[words.index("--configfile") + 1] = "tiny.yaml"
    # The partition's nodes have no GPU that torch could use.
    resources = [f"{rule}:torch_device=cpu" for rule in ON_GPU] + [f"shard_images:mem_mb={TOO_LITTLE} * attempt ** 2"]
    return [sys.executable, "-c", IMPATIENT, *words[:-1], "--set-resources", *resources, "--", words[-1]]


def run_with_faults(cluster: Cluster, here: Project, root: Path) -> Run:
    """Run a project here and a copy of it on Slurm, both at once; what needs no cluster to be proven is made before.

    Args:
        here: the project.
        root: of the copy.
    """
    done = here.snakemake("-c2", TABLE, "--until", "generate_captioned", "parse_queries")
    assert done.returncode == 0, done.stderr[-5000:]
    there = here.copy_to(root)
    local = subprocess.Popen(
        here.command("-c2", TABLE), cwd=here.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    log = there.root / "snakemake.log"
    with log.open("w") as out:
        remote = subprocess.Popen(given(), cwd=there.root, env=cluster.environment, stdout=out, stderr=out)
    try:
        watch = Watch(cluster, there, remote, log)
        watch.computing("train_backbone")
        cluster.ask("scancel", watch.job("train_backbone")["id"])
        watch.computing("extract_features")
        cluster.vanish("gpu1")
        watch.until(lambda: cluster.state_of("gpu1") == "down")
        cluster.start_node("gpu1")
        watch.until(lambda: remote.poll() is not None)
        printed, _ = local.communicate(timeout=600)
    finally:
        for process in (local, remote):
            process.kill()
            process.wait()
    assert local.returncode == 0, printed[-5000:]
    assert remote.returncode == 0, watch.told()
    return Run(here, there, log.read_text(), cluster.jobs())


@dataclass
class Watch:
    """Waits for what a run on Slurm does.

    Attributes:
        log: of its Snakemake.
    """

    cluster: Cluster
    project: Project
    process: subprocess.Popen[bytes]
    log: Path

    def until(self, done: Callable[[], bool], seconds: float = 600) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, self.told()
            assert self.process.poll() is None or done(), self.told()
            time.sleep(0.3)

    def computing(self, rule: str) -> None:
        """Wait until a job of a rule runs its stage."""
        self.until(lambda: any(self._logs(rule)) and any(job["state"] == "RUNNING" for job in self._jobs(rule)))

    def job(self, rule: str) -> dict[str, str]:
        """The running job of a rule."""
        return next(job for job in self._jobs(rule) if job["state"] == "RUNNING")

    def told(self) -> str:
        """All that helps to see why a run failed."""
        listed = "\n".join(map(str, self.cluster.jobs()))
        jobs = sorted((self.project.root / ".snakemake/slurm_logs").rglob("*.log"))
        ends = "\n".join(f"== {job}\n{job.read_text(errors='replace')[-1500:]}" for job in jobs)
        return f"{self.log.read_text()[-5000:]}\n{listed}\n{ends}\n{self.cluster.logs()}"

    def _jobs(self, rule: str) -> list[dict[str, str]]:
        return [job for job in self.cluster.jobs() if rule_of(job) == rule]

    def _logs(self, rule: str) -> list[Path]:
        return list((self.project.root / "logs/scale=tiny").glob(f"{rule}/**/*.log"))
