"""Several processes that train one network: they differ from one by rounding, and a lost one is not waited for."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from cirque.errors import CirqueError
from cirque.training import processes
from tests import one_of_several
from tests.conftest import REPOSITORY

Start = Callable[..., list[subprocess.Popen[str]]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def several(what: str, size: int = 2) -> list[subprocess.Popen[str]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for rank in range(size):
            place = {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            command = [sys.executable, "-m", "tests.one_of_several", what, str(tmp_path)]
            started.append(
                subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | place, stderr=subprocess.PIPE, text=True)
            )
        return started

    yield several
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("size", [2, 3])
def test_every_process_has_the_loss_and_the_gradients_of_the_whole_batch(start: Start, tmp_path: Path, size: int):
    alone = one_of_several.gradients(processes.ALONE)
    assert [process.wait(120) for process in start("gradients", size)] == [0] * size
    for rank in range(size):
        torch.testing.assert_close(load_file(tmp_path / f"{rank}.safetensors"), alone, rtol=1e-5, atol=1e-6)


def test_a_process_that_was_killed_ends_the_others_with_a_sentence(start: Start):
    first, killed = start("killed")
    _, said = first.communicate(timeout=120)
    assert (first.returncode, killed.wait(10)) == (1, -9)
    assert "process 1 of 2: another process of this training has ended or did not answer" in said
    assert "goes on from the last saved step" in said


def test_a_process_that_does_not_answer_is_not_waited_for(start: Start):
    first, silent = start("silent")
    _, said = first.communicate(timeout=50)
    assert (first.returncode, silent.poll()) == (1, None)
    assert "did not answer for 3 s" in said


def test_processes_that_see_different_states_do_not_go_on(start: Start):
    for process in start("state"):
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "the processes go on from steps [7, 8]" in said


def test_a_batch_divides_among_the_processes_without_rest_or_is_refused():
    groups = [processes.Group(rank, 4) for rank in range(4)]
    rows = torch.arange(12)
    assert torch.cat([group.share(rows) for group in groups]).equal(rows)
    with pytest.raises(CirqueError, match="a batch of 10 does not divide among 4 processes"):
        groups[0].require_shares(10)
