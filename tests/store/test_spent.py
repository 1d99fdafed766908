"""What a run took, from its jobs' records."""

import json
from pathlib import Path

from cirque.store import spent


def job(file: Path, command: str, seconds: float, finished: str, memory: int) -> None:
    record = {"stage": "shard_images", "command": [command], "seconds": seconds, "processor_seconds": 2 * seconds}
    file.with_name(f"{file.name}.run.json").write_text(
        json.dumps({**record, "peak_memory_mib": memory, "finished": f"2026-01-01T00:00:{finished}Z"})
    )


def test_a_job_that_wrote_two_files_counts_once_and_memory_is_the_largest_jobs(tmp_path):
    job(tmp_path / "a", "first", 10, "10", 100)
    job(tmp_path / "b", "first", 10, "10", 100)
    job(tmp_path / "c", "second", 5, "20", 300)
    jobs = spent.runs([tmp_path])
    assert spent.by_stage(jobs) == [spent.Spent("shard_images", 2, 15.0, 30.0, 300)]
    assert spent.elapsed(jobs) == 20  # from 00:00:00 to 00:00:20
