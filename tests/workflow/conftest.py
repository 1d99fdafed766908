"""A copy of the project in which the real Snakefile runs on the smallest configuration."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

TABLE = "results/table_cirr.parquet"
COPIED = ["Snakefile", "workflow", "config", "src", "profiles", "envs"]


@dataclass
class Project:
    """A copy of the project's files, with its own outputs."""

    root: Path

    def command(self, *arguments: str, configfile: str | None = "tiny.yaml") -> list[str]:
        given = ["--configfile", configfile] if configfile else []
        return [sys.executable, "-m", "snakemake", *given, *arguments]

    def snakemake(self, *arguments: str, configfile: str | None = "tiny.yaml") -> subprocess.CompletedProcess[str]:
        """Run Snakemake; without a configuration file the mini scale is the default, as for a user."""
        command = self.command(*arguments, configfile=configfile)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)

    def planned(self, *arguments: str) -> dict[str, int]:
        """Rules that a dry run would run, with their number of jobs."""
        done = self.snakemake("-n", "-c2", TABLE, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return {
            rule: int(count)
            for rule, count in re.findall(r"^([\w-]+) +(\d+)$", done.stdout, re.MULTILINE)
            if rule != "total"
        }

    def configure(self, **changes: object) -> None:
        """Change keys of the configuration, given as section__key=value."""
        path = self.root / "tiny.yaml"
        config = yaml.safe_load(path.read_text())
        for place, value in changes.items():
            *sections, key = place.split("__")
            node = config
            for section in sections:
                node = node[section]
            node[key] = value
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def copy_to(self, root: Path) -> "Project":
        shutil.copytree(self.root, root, symlinks=True)
        return Project(root)


def make_project(root: Path) -> Project:
    root.mkdir(parents=True)
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, root / name)
    shutil.copy(REPOSITORY / "tests/workflow/tiny.yaml", root / "tiny.yaml")
    return Project(root)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    return finished.copy_to(tmp_path / "project")
