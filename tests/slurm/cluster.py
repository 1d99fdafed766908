"""A real Slurm in a folder of its own: munged, slurmctld and two nodes, each ended by its process id."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
NODES = ("cpu1", "gpu1")
#: Of each node: more than this machine may have, so that several jobs run at once and allocations are seen to differ.
CPUS, MEMORY_MB, GPUS = 8, 256000, 2
#: Tells a node's processes by what they inherit.
NODE_IS = "CIRQUE_TEST_NODE"


def why_not() -> str | None:
    """Why no Slurm can be started here; None if one can."""
    absent = [name for name in DAEMONS if _program(name) is None]
    if absent:
        return f"a real Slurm: {', '.join(absent)} not installed (apt-get install slurm-wlm munge)"
    if os.getuid() != 0:
        return "a real Slurm: its nodes run jobs as their owner, which needs root"
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _wait(what: str, done: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{what}: not within {seconds} s"
        time.sleep(0.2)


@dataclass
class Cluster:
    """A running Slurm.

    Attributes:
        folder: of its configuration, state and logs.
        daemons: by name, the processes.
    """

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What makes Slurm's commands speak to this cluster and to no other."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def ask(self, *command: str) -> str:
        """The answer of one of Slurm's commands."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """Ends of all daemons' logs."""
        return "\n".join(f"== {log}\n{log.read_text(errors='replace')[-2000:]}" for log in self.folder.glob("*.log"))

    def start(self, name: str, program: str, *arguments: str, **environment: str) -> None:
        """Start a daemon in the foreground, as a process of ours."""
        path = _program(program)
        assert path is not None
        with (self.folder / f"{name}.out.log").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                [path, *arguments],
                env={**self.environment, **environment},
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )

    def start_node(self, node: str) -> None:
        """Start a node and wait until it takes jobs."""
        self.start(node, "slurmd", "-D", "-N", node, "-f", str(self.folder / "slurm.conf"), **{NODE_IS: node})
        _wait(f"node {node}", lambda: self.state_of(node) in {"idle", "mixed"})

    def state_of(self, node: str) -> str:
        """State of a node, as sinfo says it."""
        return self.ask("sinfo", "--noheader", "--Node", "--nodes", node, "--format", "%T").split()[0].rstrip("*~#")

    def jobs(self) -> list[dict[str, str]]:
        """All jobs that the controller remembers."""
        keys = ("id", "state", "partition", "cpus", "memory", "limit", "gpus", "comment")
        listed = self.ask("squeue", "--noheader", "--states", "all", "--format", "%i|%T|%P|%C|%m|%l|%b|%k")
        return [dict(zip(keys, line.split("|"), strict=True)) for line in listed.splitlines()]

    def vanish(self, node: str) -> None:
        """Kill a node as a lost machine does: the daemon, its jobs' step daemons and all that these started."""
        daemon = self.daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for pid in self._jobs_of(node):
            _kill(pid)

    def _jobs_of(self, node: str) -> set[int]:
        """Step daemons and jobs of a node, which do not end with it: by the environment that they inherit."""
        conf, names = f"SLURM_CONF={self.folder}/slurm.conf", (f"SLURMD_NODENAME={node}", f"{NODE_IS}={node}")
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                given = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if conf in given and any(name in given for name in names):
                found.add(int(process.name))
        return found | _descendants(found)

    def stop(self) -> None:
        """End the daemons, the last one first, and what jobs are left."""
        for name in reversed(list(self.daemons)):
            if name in NODES:
                self.vanish(name)
                continue
            daemon = self.daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    return found


def _descendants(roots: set[int]) -> set[int]:
    parents, found = _parents(), set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - roots


def write_configuration(folder: Path) -> None:
    """slurm.conf and what it names: two nodes on loopback, without accounting, cgroups and GPUs' libraries."""
    controller, *ports = _free_ports(1 + len(NODES))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    (folder / "munge.key").chmod(0o400)
    # Snakemake's job steps leave out SLURM_CONF, for a cluster's stands in /etc/slurm.
    srun = folder / "bin/srun"
    srun.parent.mkdir()
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    gpus = [folder / f"gpu{index}" for index in range(GPUS)]
    for file in gpus:
        file.touch()
    (folder / "gres.conf").write_text("".join(f"NodeName=gpu1 Name=gpu File={file}\n" for file in gpus))
    (folder / "cgroup.conf").write_text("")
    nodes = "".join(
        f"NodeName={node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS}"
        f" RealMemory={MEMORY_MB} State=UNKNOWN{f' Gres=gpu:{GPUS}' if node == 'gpu1' else ''}\n"
        for node, port in zip(NODES, ports, strict=True)
    )
    (folder / "slurm.conf").write_text(
        f"""ClusterName=cirque
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0,defer_batch=no
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SlurmdTimeout=10
KillWait=2
UnkillableStepTimeout=30
MinJobAge=600
MaxJobCount=1000
MaxArraySize=101
JobRequeue=0
ReturnToService=2
{nodes}PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=gpu1 MaxTime=INFINITE State=UP
"""
    )


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster in a folder, for as long as the context lasts."""
    write_configuration(folder)
    cluster = Cluster(folder)
    try:
        cluster.start(
            "munged", "munged", "--foreground", "--force", f"--socket={folder}/munge.socket",
            f"--key-file={folder}/munge.key", f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed",
            f"--log-file={folder}/munged.log",
        )  # fmt: skip
        _wait("munged", (folder / "munge.socket").exists)
        cluster.start("slurmctld", "slurmctld", "-D", "-f", str(folder / "slurm.conf"))
        _wait("slurmctld", lambda: _answers(cluster))
        for node in NODES:
            cluster.start_node(node)
        yield cluster
    finally:
        cluster.stop()


def _answers(cluster: Cluster) -> bool:
    done = subprocess.run(["scontrol", "ping"], env=cluster.environment, capture_output=True, text=True, check=False)
    return "is UP" in done.stdout
