"""Everything at the papers' scale, planned: how many jobs it is and how long their commands are."""

import re
from pathlib import Path

import pytest

from tests.workflow.conftest import make_project

pytestmark = pytest.mark.workflow

#: Bytes of one argument that Linux takes (MAX_ARG_STRLEN): a shell gets a job's whole command as one.
LONGEST_ARGUMENT = 131_072


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The dry run of all tables with all data and the longest name that a scale may have, with each job's command."""
    project = make_project(tmp_path_factory.mktemp("paper") / "project")
    (project.root / "named.yaml").write_text(f"scale: {'s' * 31}\n")
    given = ["--configfile", "config/paper.yaml", "named.yaml", "--config", "missing_data=refuse"]
    done = project.snakemake("-n", "-p", "-c2", "all", *given, configfile=None)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_all_tables_are_at_most_two_thousand_jobs(planned: str):
    (total, *_) = re.findall(r"^total +(\d+)$", planned, re.MULTILINE)
    assert 1000 < int(total) <= 2000


def test_no_command_comes_near_the_longest_that_a_shell_takes(planned: str):
    commands = re.findall(r"^(?:Shell command: ?)?(python -m cirque .*)$", planned, re.MULTILINE)
    assert len(commands) > 1000
    assert max(map(len, commands)) < LONGEST_ARGUMENT / 4


@pytest.mark.parametrize("backbone", ["ViT-H-14-random", "ViT-bigG-14-random"])
def test_a_large_backbone_is_rehearsed_by_the_stages_that_the_papers_scale_runs(tmp_path: Path, backbone: str):
    """As `make rehearse_large` calls them."""
    project = make_project(tmp_path / "project")
    given = ["--configfile", "config/config.yaml", "config/rehearsal_large.yaml"]
    chosen = ["--config", f"run={{backbones: [{backbone}]}}", "--", "results/scale=large/table_cirr.html"]
    done = project.snakemake("-n", "-p", "-c2", *given, *chosen, configfile=None)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    jobs = dict(re.findall(r"^([\w-]+) +(\d+)$", done.stdout, re.MULTILINE))
    wanted = {"random_backbone": 1, "extract_features": 1, "encode_captions": 2, "train_network": 1}
    assert {name: int(jobs[name]) for name in wanted} == wanted
    assert f"evaluate_cirr_val-{backbone}-1" in jobs
    assert f"--model {backbone.removesuffix('-random')} " in done.stdout
