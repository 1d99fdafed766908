import os
import signal
import subprocess
import sys

import pytest
import torch

from cirque import devices
from cirque.errors import CirqueError


@pytest.fixture(autouse=True)
def _keep_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_no_more_threads_are_taken_than_there_are_cores():
    devices.prepare(10_000, "cpu", "fp32")
    assert torch.get_num_threads() == len(os.sched_getaffinity(0))
    devices.prepare(1, "cpu", "fp32")
    assert torch.get_num_threads() == 1


def test_auto_takes_what_there_is():
    assert devices.prepare(1, "auto", "fp32").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(CirqueError, match="torch finds no GPU that it can use here"):
        devices.prepare(1, "cuda", "fp32")


@pytest.mark.parametrize(("threads", "device"), [(0, "cpu"), (1, "tpu")])
def test_what_cannot_be_is_refused(threads, device):
    with pytest.raises(CirqueError, match=r"threads|device"):
        devices.prepare(threads, device, "fp32")


# ---- several GPUs ----------------------------------------------------------------------------------------------------

#: A job on a machine with two GPUs, as far as it can be had without any.
JOB = """
import sys, torch
torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 2
torch.cuda.get_device_name = lambda index=0: "made up"
torch.cuda.set_device = lambda index: None
from cirque import devices
print(devices.prepare(1, "cuda", "fp32"), flush=True)
sys.stdin.read()
"""


def process(rank: int, size: int) -> dict[str, str]:
    """What torchrun tells one of its processes."""
    return {"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(size)}


@pytest.fixture
def start(tmp_path):
    jobs = []

    def started(**environment):
        job = subprocess.Popen(
            [sys.executable, "-c", JOB], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "TMPDIR": str(tmp_path), **environment},
        )  # fmt: skip
        jobs.append(job)
        return job, job.stdout.readline().strip()

    yield started
    for job in jobs:
        job.kill()
        job.communicate()


def test_each_job_takes_a_gpu_of_its_own_and_a_killed_one_frees_it(start):
    first, device = start()
    assert device == "cuda:0"
    assert start()[1] == "cuda:1"
    third, device = start()
    assert device == "cuda:0"  # shared, which it says
    third.stdin.close()
    assert "all 2 GPUs are taken by other jobs" in third.stderr.read()
    third.stdin = None
    first.send_signal(signal.SIGKILL)
    first.wait()
    # By the names that the machine gives them, for another job the free one is the second.
    assert start(CUDA_VISIBLE_DEVICES="1,0")[1] == "cuda:1"


def test_each_process_of_a_training_has_a_gpu_of_its_own_and_shares_none(start):
    assert [start(**process(rank, 2))[1] for rank in (1, 0)] == ["cuda:1", "cuda:0"]
    # Three on two GPUs: what is left over does not share one.
    assert sorted(start(**process(rank, 3))[1] for rank in range(2)) == ["cuda:0", "cuda:1"]
    third, device = start(**process(2, 3))
    assert device == ""
    assert "all 2 GPUs are taken, and each of the 3 processes of a training needs its own" in third.stderr.read()
