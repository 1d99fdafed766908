"""What a job asks of the machine: a GPU that it was promised, no more than its share of the cores, memory and time."""

from types import SimpleNamespace

import pytest

from cirque.plan import machine


def test_a_job_that_was_promised_a_gpu_never_runs_on_a_cpu(monkeypatch):
    assert machine.gpu_resources("gpus") == {"gpu": 1, "torch_device": "cuda", "slurm_partition": "gpus"}
    for here, device in ((1, "cuda"), (0, "auto")):
        monkeypatch.setattr(machine, "gpu_here", lambda here=here: here)
        assert machine.gpu_resources(None) == {"gpu": here, "torch_device": device}


def test_a_shared_training_takes_the_gpus_that_are_visible_and_on_a_cluster_what_the_profile_says(monkeypatch):
    for visible, count in (("0,1, 2", 3), ("5", 1), ("", 0), ("-1", 0)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert machine.gpus(None, most=8) == count
    assert machine.gpus("gpus", most=8) == 8


def test_as_many_processes_start_as_divide_the_batch_and_one_is_started_plainly():
    assert [machine.launcher(gpus, 1024) for gpus in (0, 1)] == ["python", "python"]
    assert [machine.launcher(gpus, 1024).split()[-1] for gpus in (2, 3, 8)] == ["2", "2", "8"]


def test_threads_are_shared_when_more_cores_are_granted_than_there_are(monkeypatch):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: {0, 1})
    assert machine.threads_each(4, 8) == 1
    assert machine.threads_each(2, 2) == 2


def test_two_jobs_with_torch_run_side_by_side_on_any_number_of_cores():
    assert [machine.threads_of_a_job(cores) for cores in (1, 2, 8, 64, None)] == [1, 1, 4, 4, 4]


def test_a_job_on_a_cluster_has_the_threads_of_its_allocation(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert machine.threads_each(4, None) == 4
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert machine.threads_each(4, None) == 3
    assert machine.threads_each(1, 1) == 1  # what Slurm gave is not asked where Snakemake shares this machine


def test_memory_and_time_grow_with_each_attempt():
    needed = machine.needs(mem_mb=4000, runtime=30)
    assert [needed["mem_mb"](None, attempt) for attempt in (1, 2, 3)] == [4000, 8000, 12000]
    assert [needed["runtime"](None, attempt) for attempt in (1, 2, 3)] == [30, 60, 90]


def test_a_job_may_hold_one_of_its_inputs_alone(tmp_path):
    file = tmp_path / "weights.safetensors"
    with file.open("wb") as stream:
        stream.truncate(3 * 2**20)
    memory = machine.needs(mem_mb=4000, runtime=30, held=2, of="weights")["mem_mb"]
    assert [memory(None, SimpleNamespace(size_mb=1e6, weights=str(file)), attempt) for attempt in (1, 2)] == [
        4006,
        8012,
    ]
    assert memory(None, SimpleNamespace(size_mb=1e6), 1) == 4000
    with pytest.raises(FileNotFoundError):  # which Snakemake knows as not yet decided
        memory(None, SimpleNamespace(weights=[str(tmp_path / "none")]), 1)


def test_a_job_that_holds_its_inputs_asks_for_their_size():
    memory = machine.needs(mem_mb=4000, runtime=30, held=2)["mem_mb"]
    assert [memory(None, SimpleNamespace(size_mb=1000.2), attempt) for attempt in (1, 2)] == [6001, 12001]
