"""Facts about the project's own files that would otherwise drift apart."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import cirque
from tests.conftest import REPOSITORY


def locked_versions() -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ \\\n]+)", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in pins}


def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def bare(requirement: str) -> str:
    return re.split(r"[<>=~!; ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("lock", ["requirements.lock", "envs/uv.lock"])
def test_lock_names_no_index_address_and_hashes_everything(lock: str):
    text = (REPOSITORY / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    pins = re.findall(r"^[A-Za-z0-9._-]+==", text, re.MULTILINE)
    assert len(re.findall(r"==[^\n]*\\\n\s+--hash=sha256:", text)) == len(pins) > 0


def test_every_dependency_is_locked_and_explained():
    explained = (REPOSITORY / "docs/dependencies.md").read_text().lower().replace("_", "-")
    for requirement in [*project()["project"]["dependencies"], *project()["dependency-groups"]["dev"]]:
        assert bare(requirement) in locked_versions(), requirement
        assert f"`{bare(requirement)}`" in explained, f"docs/dependencies.md does not say why {requirement} is there"


def test_conda_environment_is_in_step_with_the_lock():
    environment = yaml.safe_load((REPOSITORY / "envs/cirque.yaml").read_text())
    pins = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert {bare(pin) for pin in pins} == {bare(name) for name in project()["project"]["dependencies"]}
    for pin in pins:
        name, version = pin.split("==")
        assert locked_versions()[bare(name)] == version


def test_version_is_stated_once():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["version"] == project()["project"]["version"] == cirque.__version__
    assert f"## {cirque.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("target", ["table_cirr", "rehearse"])
def test_make_works_in_a_folder_with_a_space_and_an_apostrophe(tmp_path: Path, target: str):
    clone = tmp_path / "o'brien's cirque"
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / "my annotations").mkdir()
    for name in ("Makefile", "requirements.lock", "envs/uv.lock", "pyproject.toml"):
        (clone / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, clone / name)
    (clone / ".venv/.ready").touch()
    for name in ("snakemake", "python"):  # what was called, a word a line
        stub = clone / ".venv/bin" / name
        stub.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >> called\n')
        stub.chmod(0o755)
    command = ["make", target, "CORES=2", "ANNOTATIONS=my annotations"]
    subprocess.run(command, cwd=clone, check=True, capture_output=True)
    called = (clone / "called").read_text().splitlines()
    assert called[:2] == ["snakemake", "-c2"]
    ends = {"table_cirr": "show", "rehearse": "costs"}
    assert called[called.index("python") :][:4] == ["python", "-m", "cirque", ends[target]]
    if target == "rehearse":
        assert f"annotations={clone}/my annotations" in called
        assert called[called.index("--") + 1] == "rehearsal"
        (clone / "called").unlink()
        subprocess.run([*command, "BENCHMARKS=cirr circo"], cwd=clone, check=True, capture_output=True)
        called = (clone / "called").read_text().splitlines()
        tables = [f"results/scale=rehearsal/table_{name}.html" for name in ("cirr", "circo")]
        assert called[called.index("--") + 1 :][:2] == tables


def test_rule_files_stay_small_and_open_with_a_contract():
    for file in sorted((REPOSITORY / "workflow/rules").glob("*.smk")):
        text = file.read_text()
        assert text.startswith('"""'), f"{file.name}: no contract header"
        assert "WRITES" in text.split('"""')[1], file.name
        assert len(re.findall(r"^rule ", text, re.MULTILINE)) <= 8, file.name


def test_no_pickle_is_read_or_written_but_by_stand_ins_that_run_nothing():
    done = subprocess.run(
        ["git", "grep", "-nE", r"import pickle|pickle\.load|weights_only=False|shell=True", "--", "src", "workflow"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["src/cirque/store/unpickling.py:9:import pickle"]


def test_every_reader_of_parquet_verifies_the_checksums_of_pages():
    calls = [
        (path.name, call)
        for path in sorted((REPOSITORY / "src").rglob("*.py"))
        for call in re.findall(r"pq\.(?:read_table|ParquetFile)\([^)]*\)", path.read_text(encoding="utf-8"))
    ]
    assert calls
    assert [(name, call) for name, call in calls if "page_checksum_verification=True" not in call] == []
    assert not [path.name for path in (REPOSITORY / "src").rglob("*.py") if ".read_parquet(str" in path.read_text()]
