"""costs: what a run took, by stage, and how large each benchmark is."""

import json
from pathlib import Path

import pytest

from cirque.store import provenance
from tests.conftest import REPOSITORY
from tests.evaluated import SCALE, inside, run

REGISTRY = ["--registry", REPOSITORY / "config/datasets.tsv"]


def costs(capsys, root: Path, *words: object):
    with inside(root):
        code = run("costs", *words, *REGISTRY)
    return code, capsys.readouterr()


def test_stages_and_sizes_are_those_of_the_records_and_files(evaluated, capsys):
    code, streams = costs(capsys, evaluated, SCALE, "--json", "True")
    assert code == 0, streams.err
    stated = json.loads(streams.out)
    evaluate = next(
        stage for stage in stated["stages"] if stage["stage"] == "score_ranking" or "eval" in stage["stage"]
    )
    assert evaluate["n_jobs"] >= 1
    assert evaluate["peak_memory_mib"] > 0
    val = next(size for size in stated["sizes"] if size["benchmark"] == "cirr_val")
    assert val["rankings"] == val["queries"] * val["runs"]
    assert val["official"] is None  # nothing of it was read from an official file


def test_the_print_has_a_line_a_stage_and_a_total(evaluated, capsys):
    code, streams = costs(capsys, evaluated, SCALE)
    assert code == 0, streams.err
    assert "total" in streams.out
    assert "from the first job's start to the last one's end" in streams.out
    assert max(map(len, streams.out.splitlines())) <= 120


def record(file: Path, inputs: list[str]) -> None:
    run_of = {"stage": "parse_queries", "command": ["parse"], "seconds": 1, "processor_seconds": 1}
    end = {"peak_memory_mib": 9, "finished": "2026-01-01T00:00:00Z"}
    output = {"path": str(file), "sha256": provenance.bytes_sha256(file)}
    described = [{"path": path, "sha256": "0" * 64} for path in inputs]
    provenance.record_path(file).write_text(json.dumps({"output": output, "inputs": described, **run_of, **end}))


def test_a_benchmark_with_fewer_queries_than_the_official_file_is_refused(evaluated, tmp_path, capsys):
    for kind in ("queries", "gallery"):
        source = evaluated / SCALE / kind / f"benchmark=cirr_val/{kind}.parquet"
        file = tmp_path / SCALE / kind / f"benchmark=cirr_val/{kind}.parquet"
        file.parent.mkdir(parents=True)
        file.write_bytes(source.read_bytes())
        record(file, ["data/CIRR/cirr/captions/cap.rc2.val.json", "data/CIRR/cirr/image_splits/split.rc2.val.json"])
    code, streams = costs(capsys, tmp_path, SCALE)
    assert code == 1
    assert "4,181" in streams.out
    assert "cirr_val: not as many queries as the official files" in streams.err


def test_generated_files_are_not_counted_against_the_official_ones(evaluated, tmp_path, capsys):
    official = "data/CIRR/cirr/captions/cap.rc2.val.json"
    for kind in ("queries", "gallery"):
        source = evaluated / SCALE / kind / f"benchmark=cirr_val/{kind}.parquet"
        file = tmp_path / SCALE / kind / f"benchmark=cirr_val/{kind}.parquet"
        file.parent.mkdir(parents=True)
        file.write_bytes(source.read_bytes())
        record(file, [official])
    generated = tmp_path / official
    generated.parent.mkdir(parents=True)
    generated.write_text("[]")
    record(generated, [])
    code, streams = costs(capsys, tmp_path, SCALE)
    assert code == 0, streams.err


@pytest.mark.parametrize(("content", "stated"), [(None, "no record of a run"), ("{", "not the record of a run")])
def test_without_a_whole_record_nothing_is_summed(tmp_path, capsys, content, stated):
    if content:
        (tmp_path / "x.parquet.run.json").write_text(content)
    code, streams = costs(capsys, tmp_path, tmp_path)
    assert code == 1
    assert stated in streams.err
