"""The README's commands, run as written on the smallest configuration."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import REPOSITORY

from .conftest import Project

pytestmark = pytest.mark.workflow

README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def tiny(text: str) -> str:
    """A command for the mini scale, for the smallest configuration."""
    return text.replace("mini-B-16", "tiny-B").replace("scale=mini", "scale=tiny").replace("'mini'", "'tiny'")


@pytest.mark.parametrize(
    "query", [query for block in blocks("sql") for query in block.strip().split(";") if query.strip()]
)
def test_example_query_answers(finished: Project, query: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(finished.root)
    with duckdb.connect("results/cirque.duckdb", read_only=True) as database:
        database.execute(tiny(query))
        assert database.description


def test_every_make_target_named_exists():
    targets = set(re.findall(r"^([a-z_]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z_]+)", README, re.MULTILINE))
    assert {"table_cirr", "test", "rehearse"} <= named <= targets


@pytest.mark.parametrize(
    "line", [line for block in blocks("sh") for line in block.splitlines() if line.startswith("snakemake ")]
)
def test_snakemake_commands_plan_their_jobs(finished: Project, line: str):
    command = [sys.executable, "-m", *shlex.split(line), "-n"]
    done = subprocess.run(command, cwd=finished.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_explain_traces_a_cell_to_its_inputs(finished: Project):
    line = next(line for block in blocks("sh") for line in block.splitlines() if " explain " in line)
    command = [sys.executable, *shlex.split(tiny(line))[1:]]
    done = subprocess.run(command, cwd=finished.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for word in ("as today", "weights.safetensors", "torch", "seed"):
        assert word in done.stdout, word


def test_paths_named_exist(finished: Project):
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in link:
            assert (REPOSITORY / link).exists(), link
    assert Path(finished.root, "results/table_cirr.html").exists()
