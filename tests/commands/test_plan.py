"""plan: what a run would take, counted by the real Snakefile and estimated from measured figures."""

import json
import subprocess
import sys

import pytest

from cirque.commands.plan import shown
from cirque.plan.amounts import NOTHING, OPEN, Amount
from tests.conftest import REPOSITORY
from tests.evaluated import inside, run
from tests.workflow.conftest import make_project

PAPER = ["--configfile", "config/paper.yaml"]


def plan(capsys, root, *words):
    with inside(root):
        code = run("plan", *words)
    return code, capsys.readouterr()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("plan") / "project").root


@pytest.mark.workflow
def test_a_table_at_the_papers_scale_is_estimated_stage_by_stage(project, capsys):
    code, streams = plan(capsys, project, "circo", *PAPER, "--json", "True")
    assert code == 0, streams.err
    stated = json.loads(streams.out)
    stages, total = stated["stages"], stated["total"]
    assert stages["invert_images"]["jobs"] == 20
    assert total["jobs"] <= 800
    assert stages["extract_features"]["gpu_hours"] > 1
    assert "gpu_hours" in stages["sample_phrases"]["open"]
    assert total["jobs"] == sum(stage["jobs"] for stage in stages.values())
    assert total["gpu_hours"] == pytest.approx(sum(stage["gpu_hours"] for stage in stages.values()))
    assert "GB" not in stated["missing"]
    assert "Register at image-net.org" in stated["missing"]["ImageNet1K/test/"]
    assert stated["to_fetch"]["cc3m/GCC-training.tsv"] == 564607502
    assert stages["fetch_file"]["jobs"] == len(stated["to_fetch"])  # what a person has to bring is no job
    assert stated["figures"]["features, tf32"]["source"].startswith("docs/performance.md")


@pytest.mark.workflow
def test_without_its_data_a_table_is_planned_as_a_run_would_now(project, capsys):
    code, streams = plan(capsys, project, "circo", *PAPER, "--missing", "left-out")
    assert code == 0, streams.err
    assert "build_table" in streams.out
    assert "invert_images" not in streams.out
    assert "ImageNet1K/test/" in streams.out


@pytest.mark.workflow
def test_of_a_generated_world_hours_are_open_and_nothing_is_missing(project, capsys):
    code, streams = plan(capsys, project, "cirr")
    assert code == 0, streams.err
    assert "hours are open" in streams.out
    assert "missing" not in streams.out
    assert max(map(len, streams.out.splitlines())) <= 120


def test_what_is_misspelt_is_named(tmp_path, capsys):
    own = ["--registry", REPOSITORY / "config/datasets.tsv", "--configfile", REPOSITORY / "config/paper.yaml"]
    code, streams = plan(capsys, tmp_path, "crico", *own)
    assert code == 1
    assert "no table is called crico; there are cirr" in streams.err
    code, streams = plan(capsys, tmp_path, "circo", *own)
    assert code == 1
    assert "give --snakefile" in streams.err


def test_nothing_imports_torch():
    code = "import sys, cirque.commands.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (NOTHING, "–"),
        (OPEN, "open"),
        (Amount(4500), "1.25"),
        (Amount(4500, is_open=True), "1.25 + open"),
        (Amount(1), "<0.01"),
        (Amount(3600 * 1234), "1,234"),
    ],
)
def test_amounts_have_three_digits_and_say_what_is_open(amount, text):
    assert shown(amount, 3600) == text
