import subprocess
import sys

import pytest

from cirque.__main__ import summaries
from cirque.families import COMMANDS, GENERATORS, STAGES


def cirque(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cirque", *arguments], capture_output=True, text=True, check=False)


def test_every_stage_says_what_it_does():
    assert all(summary.endswith(".") for family in (COMMANDS, STAGES) for summary in summaries(family).values())


def test_list_of_stages_imports_none_of_them():
    command = "import sys; from cirque.__main__ import main; main(['--help']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_unknown_stage_lists_the_known_ones():
    done = cirque("invent")
    assert done.returncode == 2
    assert "no stage or command is called 'invent'" in done.stderr
    assert "list_images" in done.stderr


def test_an_error_is_a_sentence_without_a_traceback():
    done = cirque("show", "--table", "nowhere.parquet")
    assert done.returncode == 1
    assert "nowhere.parquet" in done.stderr
    assert "Traceback" not in done.stderr


#: Stages that work on tables and files alone: an import of torch would cost each of their many jobs seconds.
LIGHT = (
    "associate_concepts",
    "build_table",
    "verify_file",
    "create_database",
    "draw_pictures",
    "evaluate",
    "fetch_file",
    "generate",
    "list_images",
    "parse_queries",
    "prepare_coco",
    "score_ranking",
    "state_fact",
    "sum_training_time",
    "write_page",
    "write_queries",
    "write_settings",
)


@pytest.mark.parametrize(
    "module",
    [*map(COMMANDS.module, COMMANDS.names()), *map(STAGES.module, LIGHT), *map(GENERATORS.module, GENERATORS.names())],
)
def test_a_stage_that_computes_no_features_imports_no_torch(module: str):
    command = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
