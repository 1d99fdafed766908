"""A dry run's text, read: jobs by their rule's family, outputs, and whether they ask for a GPU."""

from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.plan import dry_run
from cirque.plan.dry_run import Job

PRINTED = """\
Building DAG of jobs...
Job stats:
job                          count
-------------------------  -------
fetch_file                       1
evaluate_circo_val-B-32-1        1
publish_table                    1
total                            3

[Fri Nov 27 10:20:54 2026]
rule fetch_file:
    output: data/paper/CIRCO/annotations/val.json (update)
    wildcards: file=CIRCO/annotations/val.json
    resources: tmpdir=/tmp
[Fri Nov 27 10:20:55 2026]
rule evaluate_circo_val-B-32-1:
    input: a.parquet, b.parquet
    output: results/scale=paper/metrics/x.parquet, results/scale=paper/rankings/x.parquet
    resources: tmpdir=/tmp, gpu=0, torch_device=auto
localrule publish_table:
    output: results/table_circo.parquet

This was a dry-run (flag -n).
"""


def test_jobs_have_their_outputs_and_their_family():
    assert dry_run.jobs_of(PRINTED) == [
        Job("fetch_file", ("data/paper/CIRCO/annotations/val.json",)),
        Job(
            "evaluate", ("results/scale=paper/metrics/x.parquet", "results/scale=paper/rankings/x.parquet"), on_gpu=True
        ),
        Job("publish_table", ("results/table_circo.parquet",)),
    ]


def test_another_number_than_snakemake_states_is_an_error():
    with pytest.raises(CirqueError, match="states 4 jobs, and 3 were read"):
        dry_run.jobs_of(PRINTED.replace("total                            3", "total                            4"))
    with pytest.raises(CirqueError, match="no number of jobs"):
        dry_run.jobs_of("something else")


def test_a_finished_workflow_has_no_jobs():
    assert not dry_run.jobs_of("Nothing to be done (all requested files are present and up to date).\n")


@pytest.mark.parametrize(
    ("rule", "family"),
    [
        ("evaluate_composers_css_3d-resnet18-0", "evaluate_composers"),
        ("evaluate_run_cirr", "evaluate"),
        ("score_mine_cirr_val", "score"),
        ("train_network", "train_network"),
    ],
)
def test_rules_that_are_made_for_a_group_are_one_family(rule, family):
    assert dry_run.family(rule) == family


def test_a_folder_without_the_project_is_named(tmp_path):
    with pytest.raises(CirqueError, match="give --snakefile"):
        dry_run.planned(["a"], [], snakefile=Path(tmp_path / "Snakefile"))
