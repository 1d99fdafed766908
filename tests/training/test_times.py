"""Snakemake's measurements of jobs, read strictly and summed by rule."""

import json

import pytest

from cirque.errors import CirqueError
from cirque.training import times as training_times


def write(folder, name, **measured):
    path = folder / "costs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"s": 2.5, "cpu_time": 4.0, "h:m:s": "0:00:02", **measured}) + "\n")
    return path


def test_the_folder_below_the_costs_is_the_rule(tmp_path):
    cost = training_times.read(write(tmp_path, "invert_images/oti/unlabeled/0.jsonl"))
    assert cost == training_times.Cost("invert_images", 2.5, 4.0)
    assert training_times.read(write(tmp_path, "train_tagger.jsonl")).step == "train_tagger"


def test_jobs_of_a_rule_are_summed_in_the_order_given():
    costs = [training_times.Cost(*values) for values in (("b", 1, 2), ("a", 3, 4), ("b", 5, 6))]
    assert training_times.summed(costs) == [
        {"step": "b", "n_jobs": 2, "seconds": 6, "processor_seconds": 8},
        {"step": "a", "n_jobs": 1, "seconds": 3, "processor_seconds": 4},
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"s": "NA"}, "holds no measurement of one job"),
        ({"cpu_time": None}, "holds no measurement of one job"),
    ],
)
def test_a_job_without_a_measurement_is_refused(tmp_path, change, message):
    with pytest.raises(CirqueError, match=message):
        training_times.read(write(tmp_path, "oti/0.jsonl", **change))


@pytest.mark.parametrize("text", ["", "{}\n{}\n", "not JSON\n", "[]\n"])
def test_a_file_that_is_no_measurement_is_refused(tmp_path, text):
    path = write(tmp_path, "oti/0.jsonl")
    path.write_text(text)
    with pytest.raises(CirqueError, match=r"0\.jsonl: holds no measurement of one job"):
        training_times.read(path)


def test_a_file_that_is_missing_or_elsewhere_is_refused(tmp_path):
    with pytest.raises(CirqueError, match="cannot be read"):
        training_times.read(tmp_path / "costs/oti/0.jsonl")
    with pytest.raises(CirqueError, match="lies in no folder called costs"):
        training_times.read(tmp_path / "oti/0.jsonl")
