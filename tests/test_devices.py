import os

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
    devices.prepare(10_000, "cpu")
    assert torch.get_num_threads() == len(os.sched_getaffinity(0))
    devices.prepare(1, "cpu")
    assert torch.get_num_threads() == 1


def test_auto_takes_what_there_is():
    assert devices.prepare(1, "auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(CirqueError, match="torch finds no GPU that it can use here"):
        devices.prepare(1, "cuda")


@pytest.mark.parametrize(("threads", "device"), [(0, "cpu"), (1, "tpu")])
def test_what_cannot_be_is_refused(threads, device):
    with pytest.raises(CirqueError, match=r"threads|device"):
        devices.prepare(threads, device)
